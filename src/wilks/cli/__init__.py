# Face of the command line; the commands are found by wilks.cli.main.
