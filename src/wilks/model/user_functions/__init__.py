# Face of the users' functions: from plain numpy to compiled code.
from .function import UserFunction as UserFunction
from .function import user_function as user_function
