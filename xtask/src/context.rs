//! Where the steps work: the repository, the target folder, the release binary.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::process;

/// What every step is given.
pub(crate) struct Context {
    /// The repository's top folder.
    pub(crate) root: PathBuf,
    /// Cargo's target folder.
    pub(crate) target: PathBuf,
    /// `cargo metadata` of the workspace, without its dependencies.
    pub(crate) metadata: Value,
    /// CI=true: nothing is skipped.
    pub(crate) is_ci: bool,
}

impl Context {
    /// Asks cargo.
    pub(crate) fn find() -> Result<Self, String> {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest.parent().ok_or("xtask has no parent folder")?.to_path_buf();
        let mut command = cargo();
        command.args(["metadata", "--format-version=1", "--no-deps", "--locked"]).current_dir(&root);
        let text = process::output_of(&mut command)?;
        let metadata: Value =
            serde_json::from_str(&text).map_err(|why| format!("cargo metadata cannot be read: {why}"))?;
        let target = metadata.get("target_directory").and_then(Value::as_str);
        let target = PathBuf::from(target.ok_or("cargo metadata names no target folder")?);
        let is_ci = std::env::var("CI").is_ok_and(|value| value == "true" || value == "1");
        Ok(Self { root, target, metadata, is_ci })
    }

    /// Cargo, in the repository's top folder.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = cargo();
        command.current_dir(&self.root);
        command
    }

    /// Our own folder below the target folder, made when it is missing.
    pub(crate) fn scratch(&self, name: &str) -> Result<PathBuf, String> {
        let folder = self.target.join("xtask").join(name);
        std::fs::create_dir_all(&folder).map_err(|why| format!("{} cannot be made: {why}", folder.display()))?;
        Ok(folder)
    }

    /// The Python of the virtual environment, when the step `python` has made it.
    pub(crate) fn python(&self) -> Option<PathBuf> {
        let python = self.venv().join("bin").join("python");
        python.is_file().then_some(python)
    }

    /// The virtual environment's folder, made or not.
    pub(crate) fn venv(&self) -> PathBuf {
        self.target.join("xtask").join("venv")
    }

    /// A program of the virtual environment, when the step `python` has made it and it is there.
    pub(crate) fn python_program(&self, name: &str) -> Option<PathBuf> {
        let program = self.venv().join("bin").join(name);
        program.is_file().then_some(program)
    }

    /// The binary that `cargo build --release` makes.
    pub(crate) fn release_binary(&self) -> PathBuf {
        self.target.join("release").join("matchbook")
    }

    /// Every file that git tracks or would track, with its path from the top folder, sorted.
    pub(crate) fn files(&self) -> Result<Vec<String>, String> {
        let mut command = Command::new("git");
        command.args(["ls-files", "--cached", "--others", "--exclude-standard"]).current_dir(&self.root);
        let text = process::output_of(&mut command)?;
        let present = |file: &&str| self.root.join(file).is_file();
        let mut files: Vec<String> = text.lines().filter(present).map(str::to_owned).collect();
        files.sort_unstable();
        files.dedup();
        Ok(files)
    }

    /// A file's text.
    pub(crate) fn read(&self, file: &str) -> Result<String, String> {
        std::fs::read_to_string(self.root.join(file)).map_err(|why| format!("{file} cannot be read: {why}"))
    }
}

/// The cargo that started us.
fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
