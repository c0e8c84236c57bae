# Face of the drop-in for remu.migration.
from .array_builder import ResponseMatrixArrayBuilder as ResponseMatrixArrayBuilder
from .response_matrix import ResponseMatrix as ResponseMatrix
