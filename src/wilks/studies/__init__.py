# Face of the studies: complete analyses by name, see wilks.studies.catalog; import the module you need.
