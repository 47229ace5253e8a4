//! The program behind `cargo xtask bench`.

use std::process::ExitCode;

use matchbook_bench::rows::{Scale, Setting, verify};
use matchbook_bench::serve::{self, Served};
use matchbook_bench::site::Site;
use matchbook_bench::trouble::{Result, Trouble};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[&str]) -> Result<()> {
    match words {
        ["serve", rest @ ..] => serve::serve(&Served::parse(rest)?),
        ["run", rest @ ..] => {
            let scale = if rest.contains(&"--quick") { Scale::QUICK } else { Scale::FULL };
            let setting = Setting { scale, place: &std::env::temp_dir() };
            for row in verify::measure(&setting, Site::Sqlite)? {
                println!("{row:#?}");
            }
            Ok(())
        }
        other => Err(Trouble::new(format!("there is no command {:?}", other.join(" ")))),
    }
}
