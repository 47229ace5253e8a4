//! `matchbook verify` and `matchbook challenge`.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use data_encoding::HEXLOWER;
use serde::Serialize;
use serde_json::Value;
use zeroize::Zeroizing;

use super::session::Session;
use super::show;
use crate::args::{Challenge, Global, Target, Verify};
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::ui::Ui;

/// The longest line that is read as a code; a code has at most 12 symbols.
const MAX_CODE_LINE: u64 = 256;
/// How often a verify is sent when its outcome is not known: the operation id makes that safe.
const SENDINGS: u32 = 3;

#[derive(Serialize)]
struct VerifyBody<'a> {
    operation_id: &'a str,
    #[serde(flatten)]
    question: Question<'a>,
    code: &'a str,
}

/// Whose code, where.
#[derive(Serialize)]
struct Question<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    realm: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    device: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unavailable: Option<u32>,
}

#[derive(Serialize)]
struct Verdict<'a> {
    accepted: bool,
    operation_id: &'a str,
}

/// Verifies one code.
///
/// # Errors
/// Exit code 5 when the code is refused; the reason is in the realm's events, for operators only.
pub(crate) fn verify(args: &Verify, global: &Global, ui: &Ui) -> Result<(), CliError> {
    let mut overrides = args.client.overrides();
    overrides.extend(args.realm.overrides());
    let session = Session::open(global, &overrides, ui)?;
    let operation_id = match &args.operation_id {
        Some(id) => id.clone(),
        None => random_id()?,
    };
    let question = question(&args.target, args.source.as_deref(), None, &session);
    let code = if args.code_stdin || !io::stdin().is_terminal() {
        read_code()?
    } else {
        let asked = session.api.post("/v1/challenge", &question).map_err(relying_parties_only)?;
        prompt(&show::text(&asked, "prompt"))?
    };
    let body = VerifyBody { operation_id: &operation_id, question, code: &code };
    let _progress = ui.progress("Verifying");
    let again =
        format!("Whether it was accepted is not known: send the same code again with --operation-id {operation_id}.");
    let answer = session.api.post_until_known("/v1/verify", &body, SENDINGS, &again);
    let answer = answer.map_err(relying_parties_only)?;
    let accepted = answer.get("accepted").and_then(Value::as_bool).ok_or_else(|| {
        CliError::failure("the server's answer has no verdict").hint("Is it a Matchbook of another release?")
    })?;
    if ui.is_json() {
        ui.json(&Verdict { accepted, operation_id: &operation_id })?;
    } else {
        ui.line(if accepted { "accepted" } else { "refused" })?;
    }
    if accepted { Ok(()) } else { Err(CliError::silent(ExitCode::Refused)) }
}

/// Asks which code is due.
///
/// # Errors
/// What the server answered.
pub(crate) fn challenge(args: &Challenge, global: &Global, ui: &Ui) -> Result<(), CliError> {
    let mut overrides = args.client.overrides();
    overrides.extend(args.realm.overrides());
    let session = Session::open(global, &overrides, ui)?;
    let question = question(&args.target, args.source.as_deref(), args.unavailable, &session);
    let answer = session.api.post("/v1/challenge", &question).map_err(relying_parties_only)?;
    if ui.is_json() { ui.json(&answer) } else { ui.line(show::needed(&answer, "prompt")?) }
}

fn question<'a>(
    target: &'a Target,
    source: Option<&'a str>,
    unavailable: Option<u32>,
    session: &'a Session,
) -> Question<'a> {
    let realm = session.settings.text("client.realm");
    Question { realm, user: target.user.as_deref(), device: target.device.as_deref(), source, unavailable }
}

/// An operator's token is no use here, and the first that people try.
fn relying_parties_only(error: CliError) -> CliError {
    if error.exit != ExitCode::SignIn {
        return error;
    }
    error.hint(
        "It takes a relying party's token: `matchbook token create relying-party --realm REALM --name NAME --out FILE` \
         makes one, and --token-file FILE names it.",
    )
}

fn random_id() -> Result<String, CliError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| CliError::failure(format!("the system gives no random bytes: {error}")))?;
    Ok(HEXLOWER.encode(&bytes))
}

fn prompt(due: &str) -> Result<Zeroizing<String>, CliError> {
    let _ = write!(io::stderr().lock(), "{}: ", crate::ui::visible(due));
    read_code()
}

fn read_code() -> Result<Zeroizing<String>, CliError> {
    let mut line = Zeroizing::new(String::new());
    io::stdin()
        .lock()
        .take(MAX_CODE_LINE)
        .read_line(&mut line)
        .map_err(|error| CliError::failure(format!("cannot read the code from standard input: {error}")))?;
    let code = Zeroizing::new(line.trim().to_owned());
    if code.is_empty() {
        return Err(CliError::usage("there is no code on standard input")
            .hint("For example: echo 123456 | matchbook verify alice --code-stdin"));
    }
    Ok(code)
}
