# Drop-in faces of the tools that Wilks replaces.
