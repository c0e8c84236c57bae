"""A process that reads problem b as a workspace and fits it: what a user waits for the first time."""

import wilks

from .models import systematics_workspace

if __name__ == "__main__":
    workspace = systematics_workspace()
    print(wilks.fit(workspace.likelihood(), workspace.data()))
