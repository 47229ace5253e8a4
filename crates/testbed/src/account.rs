//! As whom servers run: PostgreSQL refuses root.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::getuid;

use crate::trouble::Trouble;

/// The user that Debian's package makes.
const POSTGRES: &str = "postgres";

/// As whom programs of PostgreSQL run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Account {
    /// As whoever runs the tests.
    Ourselves { uid: u32 },
    /// As the user `postgres`, because root runs the tests.
    Postgres { uid: u32, gid: u32 },
}

impl Account {
    pub(crate) fn of_servers() -> Result<Self, Trouble> {
        let uid = getuid();
        if !uid.is_root() {
            return Ok(Self::Ourselves { uid: uid.as_raw() });
        }
        let users = std::fs::read_to_string("/etc/passwd").map_err(Trouble::at("read /etc/passwd"))?;
        find_user(&users, POSTGRES).map(|(uid, gid)| Self::Postgres { uid, gid }).ok_or_else(|| {
            Trouble::new("PostgreSQL refuses root, and there is no user postgres: install the package postgresql")
        })
    }

    pub(crate) fn uid(self) -> u32 {
        match self {
            Self::Ourselves { uid } | Self::Postgres { uid, .. } => uid,
        }
    }

    /// A command that runs as this user, in a folder that it may read, with none of our environment: PGHOST and the like
    /// would lead it astray.
    pub(crate) fn command(self, program: impl AsRef<std::ffi::OsStr>, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C");
        if let Self::Postgres { uid, gid } = self {
            command.uid(uid).gid(gid);
        }
        command
    }

    /// Makes the user the owner of a folder or file of ours.
    pub(crate) fn own(self, path: &Path) -> Result<(), Trouble> {
        match self {
            Self::Ourselves { .. } => Ok(()),
            Self::Postgres { uid, gid } => std::os::unix::fs::chown(path, Some(uid), Some(gid))
                .map_err(Trouble::at("give a folder to the user postgres")),
        }
    }
}

fn find_user(users: &str, name: &str) -> Option<(u32, u32)> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}
