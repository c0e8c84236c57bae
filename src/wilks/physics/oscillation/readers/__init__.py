"""Readers of the files that collaborations and authors publish; none of them is shipped with Wilks."""
