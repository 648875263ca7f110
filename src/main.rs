//! The `emma` program.

use std::process::ExitCode;

fn main() -> ExitCode {
    emma::cli::main()
}
