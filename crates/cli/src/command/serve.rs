//! `matchbook serve`.

mod log;

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use matchbook_server::{Running, ServerConfig, SmsConfig, TlsFiles};
use tokio::signal::unix::{Signal, SignalKind, signal};
use zeroize::Zeroizing;

use crate::args::{Global, Serve};
use crate::clock;
use crate::config::Settings;
use crate::error::CliError;
use crate::exit::ExitCode;
use crate::local::{Local, Purpose, runtime};
use crate::ui::Ui;

/// Runs the server until SIGTERM or SIGINT; a second one ends it at once.
///
/// # Errors
/// Exit code 1: the store, the secrets, the address or the certificate cannot be used.
pub(crate) fn run(args: &Serve, global: &Global, ui: &Ui) -> Result<(), CliError> {
    matchbook_server::use_small_pages();
    let mut overrides = args.place.overrides();
    overrides.extend(args.listen.overrides());
    overrides.extend(args.tuning.overrides());
    let settings = Settings::load(global, &overrides)?;
    let config = server_config(&settings)?;
    log::start(&settings, global.quiet)?;
    let local = Local::find(&settings)?;
    let keyring = local.keyring()?;
    runtime()?.block_on(async {
        let progress = ui.progress("Opening the store");
        let purpose = if args.read_only { Purpose::ReadOnly } else { Purpose::Use };
        let store = local.open(&keyring, purpose).await?;
        drop(progress);
        if args.restored {
            let marked = store.mark_restored(clock::now()).await;
            let marked = marked.map_err(|error| CliError::failure(error.to_string()))?;
            tracing::warn!(devices = marked, "all codes are void; each device gets new ones when it calls");
        }
        let (mut term, mut int) = (watch(SignalKind::terminate())?, watch(SignalKind::interrupt())?);
        let running = Running::start(config, store, keyring).await;
        let running = running.map_err(|error| CliError::failure(error.to_string()))?;
        if settings.text("serve.log_format") == Some("text") {
            ui.talk(format!("Matchbook listens on {}. Ctrl-C ends it.", running.address()));
        }
        one_of(&mut term, &mut int).await;
        tokio::select! {
            () = running.stop() => Ok(()),
            () = one_of(&mut term, &mut int) => Err(CliError::silent(ExitCode::Failure)),
        }
    })
}

fn server_config(settings: &Settings) -> Result<ServerConfig, CliError> {
    let tls = match (settings.path("serve.tls_cert"), settings.path("serve.tls_key")) {
        (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
        (None, None) => None,
        (Some(_), None) => return Err(CliError::usage("--tls-cert needs --tls-key as well")),
        (None, Some(_)) => return Err(CliError::usage("--tls-key needs --tls-cert as well")),
    };
    Ok(ServerConfig {
        listen: settings.parsed("serve.listen")?,
        public_url: settings.text("serve.public_url").map(|url| url.trim_end_matches('/').to_owned()),
        tls,
        trusted_proxy_hops: settings.parsed("serve.trusted_proxy_hops")?,
        device_messages_per_second: settings.parsed("serve.device_messages_per_second")?,
        api_calls_per_second: settings.parsed("serve.api_calls_per_second")?,
        allow_key_export: settings.needed("serve.allow_key_export")? == "yes",
        sms: settings.path("serve.sms").map(|file| sms(&file)).transpose()?,
    })
}

/// Reads the file of the centres. Like the secrets file, it is refused when others can read it.
fn sms(file: &Path) -> Result<Arc<SmsConfig>, CliError> {
    let failed = |error: std::io::Error| CliError::file("read the centres for short messages", file, &error);
    let mode = std::fs::metadata(file).map_err(failed)?.mode() & 0o7777;
    if mode & 0o077 != 0 {
        let sentence = format!("{} holds passwords and can be read by others (mode {mode:04o})", file.display());
        return Err(CliError::failure(sentence).hint(format!("Run `chmod 0600 {}`.", file.display())));
    }
    let text = Zeroizing::new(std::fs::read_to_string(file).map_err(failed)?);
    let folder = file.parent().unwrap_or(Path::new("."));
    let config = SmsConfig::from_toml(&text, folder).map_err(|error| {
        CliError::usage(format!("{}: {error}", file.display())).hint("Correct the file; nothing was started.")
    })?;
    Ok(Arc::new(config))
}

pub(super) fn watch(kind: SignalKind) -> Result<Signal, CliError> {
    signal(kind).map_err(|error| CliError::failure(format!("signals cannot be heard: {error}")))
}

pub(super) async fn one_of(term: &mut Signal, int: &mut Signal) {
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
}
