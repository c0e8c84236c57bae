# Face of the interchange: each format is a module of its own (root, uhi, histfactory); import the module you need.
