//! M12 and M13: a mobile phone in a wireless network, and everything by short message alone.
//!
//! The network is simulated; what is on both ends of it is not: the server speaks SMPP to its centre on loopback, and the
//! wallet speaks AT commands to the phone's modem on a pseudo-terminal.

use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use matchbook_device::bearer::modem::{AtModem, AtOptions, SmsLine};
use matchbook_device::vault::FileVault;
use matchbook_device::{SmsHeard, SmsOptions, Wallet};
use matchbook_protocol::enrolment::Enrolment;
use matchbook_protocol::{Handle, Selector};
use serde_json::Value;

use super::device::DEMO_PASSPHRASE;
use super::stage::{SEA, Stage};
use super::{Row, check, note};
use crate::ui::Ui;

/// The phone's number.
const NUMBER: &str = "+491700000001";
/// Longer than any exchange takes; the demo fails rather than hangs.
const PATIENCE: Duration = Duration::from_secs(30);
/// Bytes of user data that one short message holds.
const SHORT_MESSAGE: u64 = 140;
/// Bytes of the port header in front of ours.
const HEADER: u64 = 7;

pub(super) fn play(stage: &mut Stage, ui: &Ui, rows: &mut Vec<Row>) {
    match by_short_message(stage, ui) {
        Ok(Evidence { wireless, messages }) => {
            note(rows, "M12", Ok(wireless));
            note(rows, "M13", Ok(messages));
        }
        Err(why) => {
            note(rows, "M12", Err(why.clone()));
            note(rows, "M13", Err(why));
        }
    }
}

struct Evidence {
    wireless: String,
    messages: String,
}

fn by_short_message(stage: &mut Stage, ui: &Ui) -> Result<Evidence, String> {
    let _progress = ui.progress("sending short messages");
    let modem = stage.modem(NUMBER)?;
    let uri = stage.enrolment_by_sms(SEA, "mate", NUMBER)?;
    let enrolment = Enrolment::from_uri(&uri).map_err(|error| error.to_string())?;
    let id = enrolment.party.id.to_string();
    let vault = FileVault::create(&stage.folder().join("mate.vault"), DEMO_PASSPHRASE);
    let mut wallet = Wallet::open(vault.map_err(|error| error.to_string())?).map_err(|error| error.to_string())?;
    let handle = wallet.enrol(&enrolment).map_err(|error| error.to_string())?;
    let port = AtModem::open(&modem, AtOptions::default()).map_err(|error| error.to_string())?;
    let mut line = SmsLine::new(port);
    let mut phone = Phone { wallet: &mut wallet, line: &mut line, handle };
    let first = phone.until(|phone| phone.unused() > 0)?;
    let taken = phone.wallet.take_code(handle, Selector::Next).map_err(|error| error.to_string())?;
    let code = taken.code.reveal().to_string();
    check(stage.sea_keeper.verify("mate", &code, "m12-first")?, "a code that came by SMS was refused")?;
    check(!stage.sea_keeper.verify("mate", &code, "m12-again")?, "it was accepted twice")?;
    let epoch = phone.epoch();
    stage.operator.post(&format!("/v1/realms/{SEA}/devices/{id}/rotate"), &serde_json::json!({}))?;
    phone.until(|phone| phone.epoch() > epoch)?;
    let traced = stage.operator.get(&format!("/v1/realms/{SEA}/devices/{id}/messages"))?;
    let set = sent(&traced, "set").ok_or("the trace shows no set")?;
    let bytes = set.get("bytes").and_then(Value::as_u64).unwrap_or_default();
    check(set.get("parts").and_then(Value::as_u64) == Some(1), "the set took more than one short message")?;
    check(bytes + HEADER <= SHORT_MESSAGE, "the set does not fit one short message")?;
    ui.talk(format!(
        "\nM12, M13 A phone at {NUMBER}, without a data connection: the wallet speaks AT commands to its modem at {}, a \
         simulated network carries the short messages, the server speaks SMPP to its centre at {}. The phone enrolled, got \
         {first} codes in one short message of {bytes} bytes behind a header of {HEADER} ({SHORT_MESSAGE} fit), and had its \
         key replaced.",
        modem.display(),
        stage.centre(),
    ));
    Ok(Evidence {
        wireless: format!(
            "a mobile phone by its modem alone: enrolled, {first} codes came, one verified, key replaced"
        ),
        messages: format!("{first} codes came in one short message of {bytes} bytes, over SMPP"),
    })
}

struct Phone<'a> {
    wallet: &'a mut Wallet<FileVault>,
    line: &'a mut SmsLine<AtModem>,
    handle: Handle,
}

impl Phone<'_> {
    /// Listens until it is so; gives the number of unused codes.
    fn until(&mut self, is_so: impl Fn(&Self) -> bool) -> Result<usize, String> {
        let until = Instant::now() + PATIENCE;
        while !is_so(self) {
            check(Instant::now() < until, "the short messages did not come")?;
            let options = SmsOptions { until: Some(until), ..SmsOptions::default() };
            let mut trouble = None;
            let listened = self.wallet.listen(self.line, &options, &AtomicBool::new(false), |heard| match heard {
                SmsHeard::Report { .. } => ControlFlow::Break(()),
                SmsHeard::Trouble { error, .. } => {
                    trouble = Some(error.to_string());
                    ControlFlow::Break(())
                }
                SmsHeard::Sent { .. } | SmsHeard::Stranger { .. } => ControlFlow::Continue(()),
            });
            listened.map_err(|error| error.to_string())?;
            trouble.map_or(Ok(()), Err)?;
        }
        Ok(self.unused())
    }

    fn unused(&self) -> usize {
        self.wallet.account(self.handle).map_or(0, |account| account.remaining())
    }

    fn epoch(&self) -> u32 {
        self.wallet.account(self.handle).map_or(0, |account| account.epoch().0)
    }
}

/// The newest short message with this content.
fn sent<'a>(traced: &'a Value, content: &str) -> Option<&'a Value> {
    traced.get("sent")?.as_array()?.iter().find(|item| item.get("content").and_then(Value::as_str) == Some(content))
}
