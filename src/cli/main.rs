//! The `chartrel` program.

fn main() {}
