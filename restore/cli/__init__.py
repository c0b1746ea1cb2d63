"""The command `restore`."""
import sys
def main():
    import restore
    data = sys.stdin.buffer.read().decode()
    r = restore.load()
    sys.stdout.buffer.write(r.restore(data).text.encode())
