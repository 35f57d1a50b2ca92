//! `watchkeeper`: reads its arguments and does what they say.

use std::process::ExitCode;

fn main() -> ExitCode {
    watchkeeper::cli::main()
}
