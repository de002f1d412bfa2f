//! The rehearsal world's GitHub as a client meets it: over HTTP and by git.

mod git_data;
mod place;
