import ctypes
import sys

library = ctypes.CDLL(sys.argv[1])
library.start()

print(library.square(7))
