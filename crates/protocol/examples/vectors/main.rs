//! Writes the test vectors: `cargo run -p matchbook-protocol --example vectors [-- folder]`.
//!
//! The folder defaults to `vectors`. The bytes are the same every time; `crates/protocol/tests/vectors/` sees to that.
//! Files in the folder that are no longer written are left alone, and that test names them.

use std::path::PathBuf;
use std::process::ExitCode;
use std::{env, fs, io};

mod catalogue;

fn main() -> ExitCode {
    let folder = env::args_os().nth(1).map_or_else(|| PathBuf::from("vectors"), PathBuf::from);
    match write(&folder) {
        Ok(count) => {
            println!("{count} vectors in {}", folder.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("cannot write to {}: {error}", folder.display());
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &PathBuf) -> io::Result<usize> {
    fs::create_dir_all(folder)?;
    let vectors = catalogue::all();
    for vector in &vectors {
        fs::write(folder.join(vector.file_name()), vector.to_json())?;
    }
    Ok(vectors.len())
}
