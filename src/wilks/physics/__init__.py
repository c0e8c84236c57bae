# Face of the physics wings: import the wing you need, such as `from wilks.physics import collider`.
