//! The `chartrel` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    chartrel::main()
}
