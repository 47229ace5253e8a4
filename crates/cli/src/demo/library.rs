//! M14: both halves are program elements that others can load.

use std::time::Duration;

use matchbook_device::Wallet;
use matchbook_device::bearer::{Bearer, BearerError, HttpBearer, HttpOptions};
use matchbook_device::vault::MemoryVault;
use matchbook_protocol::enrolment::Enrolment;

use super::stage::{REALM, Stage};
use super::{Finding, Row, check, note};
use crate::ui::Ui;

/// A bearer as somebody else would write one: here a courier that counts what it carries.
struct Courier {
    road: HttpBearer,
    carried: usize,
}

impl Bearer for Courier {
    fn exchange(&mut self, message: &[u8], wait: Option<Duration>) -> Result<Vec<Vec<u8>>, BearerError> {
        let answers = self.road.exchange(message, wait)?;
        self.carried += 1 + answers.len();
        Ok(answers)
    }
}

pub(super) fn play(stage: &mut Stage, ui: &Ui, rows: &mut Vec<Row>) {
    note(rows, "M14", loaded_as_libraries(stage, ui));
}

fn loaded_as_libraries(stage: &Stage, ui: &Ui) -> Finding {
    let uri = stage.enrolment(REALM, "carol", "p256", "shared")?;
    let enrolment = Enrolment::from_uri(&uri).map_err(|error| error.to_string())?;
    let road = HttpBearer::new(&enrolment.server, enrolment.party, &HttpOptions::default());
    let mut courier = Courier { road: road.map_err(|error| error.to_string())?, carried: 0 };
    let mut wallet = Wallet::open(MemoryVault::new()).map_err(|error| error.to_string())?;
    let handle = wallet.enrol(&enrolment).map_err(|error| error.to_string())?;
    let mut device = wallet.device(handle, &mut courier).map_err(|error| error.to_string())?;
    let report = device.sync().map_err(|error| error.to_string())?;
    let came = report.codes_received();
    check(came > 0, "no set came")?;
    let carried = courier.carried;
    ui.talk(format!(
        "\nM14 The demo itself loads both halves: the server as the crate matchbook-server, started on a free port, and \
         Carol's device (P-256) as the crate matchbook-device, with a vault in memory and a bearer written for the \
         demo, which carried {carried} messages and brought {came} codes."
    ));
    Ok(format!("server and device loaded as libraries; a device with its own vault and bearer got {came} codes"))
}
