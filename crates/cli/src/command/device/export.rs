//! `matchbook device export`: keys of imported devices that were never used, as a PSKC file.

use data_encoding::HEXLOWER_PERMISSIVE;
use getrandom::SysRng;
use matchbook_protocol::Secret;
use matchbook_pskc::{Device, write};
use rand_core::UnwrapErr;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::super::show::needed;
use super::unlock::Found;
use crate::api::{Api, path};
use crate::args::Export;
use crate::error::CliError;
use crate::private;
use crate::ui::Ui;

/// Keys of one call.
const PAGE: usize = 1_000;

/// Devices whose key a file cannot carry.
#[derive(Default, serde::Serialize)]
struct LeftOut {
    used: u64,
    enrolled: u64,
    not_in_use: u64,
}

/// Fetches the keys, and writes the file when there are any.
pub(super) fn run(args: &Export, api: &Api, realm: &str, ui: &Ui) -> Result<(), CliError> {
    let is_stdout = args.file.as_os_str() == "-";
    if !is_stdout && args.file.exists() {
        return Err(CliError::failure(format!("{} is there already, and is not overwritten", args.file.display()))
            .hint("Name another file, or move that one away."));
    }
    let secret = Found::hiding(args, ui)?;
    let protection = secret.protection(&args.key_name)?;
    let (devices, left_out) = fetch(api, realm, ui)?;
    if devices.is_empty() {
        return Err(CliError::failure("there is no device with a key from a factory that was never used")
            .hint(sentence(&left_out)));
    }
    let text = write(&devices, &protection, &mut UnwrapErr(SysRng));
    if is_stdout {
        ui.write(text.as_bytes())?;
    } else {
        private::write_new(&args.file, &text)?;
        ui.talk(format!("{} devices are in {}.", devices.len(), args.file.display()));
    }
    ui.talk(sentence(&left_out));
    if args.plain {
        ui.warn("the keys are not encrypted: whoever reads the file has them");
    }
    if ui.is_json() && !is_stdout {
        let file = args.file.display().to_string();
        return ui.json(&json!({ "devices": devices.len(), "left_out": left_out, "file": file }));
    }
    Ok(())
}

fn fetch(api: &Api, realm: &str, ui: &Ui) -> Result<(Vec<Device>, LeftOut), CliError> {
    let _progress = ui.progress("Fetching the keys");
    let (mut devices, mut left_out) = (Vec::new(), LeftOut::default());
    let base = path(&["v1", "realms", realm, "factory-keys"]);
    let mut after: Option<String> = None;
    loop {
        let after_text = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let page = api.get(&format!("{base}?limit={PAGE}{after_text}"))?;
        for item in page.get("items").and_then(Value::as_array).into_iter().flatten() {
            devices.push(device(item)?);
        }
        let counted = |name: &str| page.get("left_out").and_then(|it| it.get(name)).and_then(Value::as_u64);
        for (sum, name) in [
            (&mut left_out.used, "used"),
            (&mut left_out.enrolled, "enrolled"),
            (&mut left_out.not_in_use, "not_in_use"),
        ] {
            *sum = sum.saturating_add(counted(name).unwrap_or_default());
        }
        match page.get("next").and_then(Value::as_str) {
            Some(next) => after = Some(next.to_owned()),
            None => return Ok((devices, left_out)),
        }
    }
}

fn device(item: &Value) -> Result<Device, CliError> {
    let not_ours = || CliError::failure("the server's answer holds a key that is none");
    let key = Zeroizing::new(HEXLOWER_PERMISSIVE.decode(needed(item, "key")?.as_bytes()).map_err(|_| not_ours())?);
    Ok(Device {
        id: needed(item, "device")?.parse().map_err(|_| not_ours())?,
        key: Secret::from_slice(&key).ok_or_else(not_ours)?,
        user: needed(item, "user")?.to_owned(),
        label: needed(item, "label")?.to_owned(),
    })
}

fn sentence(left_out: &LeftOut) -> String {
    let LeftOut { used, enrolled, not_in_use } = left_out;
    format!(
        "Left out: {used} that have used their key, {enrolled} that were enrolled, {not_in_use} that are suspended or \
         revoked."
    )
}
