//! The exit codes, the same for every command; `docs/reference/cli.md` lists them.

/// What the process tells its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitCode {
    /// 0: done, or "yes".
    Yes = 0,
    /// 1: something went wrong that is none of the below: a full disk, a port in use, a server that does not answer.
    Failure = 1,
    /// 2: the command line, a MATCHBOOK_* variable or the config file is wrong; nothing was tried.
    Usage = 2,
    /// 3: the realm, user, device or token is not there.
    NotFound = 3,
    /// 4: no token, a token that is not taken, or one whose role does not allow it.
    SignIn = 4,
    /// 5: the code was refused.
    Refused = 5,
    /// 130: Ctrl-C or SIGTERM ended it before it was done, and it goes on when it is given again.
    Interrupted = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
