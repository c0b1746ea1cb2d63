cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define restore_prefetch(address) __builtin_prefetch(address)
    #else
    #define restore_prefetch(address) ((void) 0)
    #endif
    """
    void restore_prefetch(const void *) nogil
