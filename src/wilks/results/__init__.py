# Face of the results: frozen records of numpy arrays that print, save and load themselves without JAX.
