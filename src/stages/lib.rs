//! The eight workflows, one file each.
