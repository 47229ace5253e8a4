//! M8, M9: the server makes a new key, seals it under the old one, and the next set comes under it; the old key is dead.

use getrandom::SysRng;
use matchbook_protocol::enrolment::Enrolment;
use matchbook_protocol::envelope::{EpochKeys, activation_key, expand_uplink};
use matchbook_protocol::wire::{DownlinkKind, Reason, Request, Sync, UnverifiedDownlink, WANTED_SERVERS_CHOICE};
use matchbook_protocol::{CodeIndex, Epoch, Selector};
use rand_core::UnwrapErr;
use serde_json::json;

use super::device::DemoDevice;
use super::stage::{GATE, Stage};
use super::tape::hex;
use super::{Finding, Row, check, note};
use crate::ui::Ui;

pub(super) fn play(stage: &mut Stage, ui: &Ui, rows: &mut Vec<Row>) {
    let symmetric = symmetric_rotation(stage, ui);
    let agreed = agreed_rotation(stage, ui);
    let dead = old_key_is_dead(stage, ui);
    let finding = symmetric.and_then(|one| agreed.and_then(|two| dead.map(|three| format!("{one}; {two}; {three}"))));
    note(rows, "M8", finding);
    note(rows, "M9", set_under_the_new_key(stage, ui));
}

/// ROT-SYM, as claimed: the new key under the previous one, on the operator's word.
fn symmetric_rotation(stage: &Stage, ui: &Ui) -> Finding {
    let gate = stage.gate()?;
    gate.tape.rewind();
    stage.operator.post(&format!("/v1/realms/{GATE}/devices/{}/rotate", gate.party.id), &json!(null))?;
    gate.sync()?;
    let offer = gate.tape.last_received(DownlinkKind::RotateSymmetric).ok_or("no ROT-SYM came")?;
    check(gate.epoch()? == 1, "the device has not replaced its key")?;
    check(stage.stored(&gate.party.id)?.authenticator.keys.current.epoch == Epoch(1), "the server has not")?;
    ui.talk(format!(
        "\nM8  The operator had the key of the gate's device replaced. The server made a key, sealed it under the \
         previous one and sent\n    {}\n    The device answered under the new key, and both erased the old one.",
        hex(&offer)
    ));
    Ok(format!("ROT-SYM of {} bytes replaced a key under the previous one", offer.len()))
}

/// ROT-PK, the default: as above, and a fresh key agreement is mixed in.
fn agreed_rotation(stage: &Stage, ui: &Ui) -> Finding {
    let phone = stage.phone()?;
    phone.tape.rewind();
    phone.ask(|device| device.rotate().map(drop).map_err(|error| error.to_string()))??;
    let offer = phone.tape.last_received(DownlinkKind::RotatePublicKey).ok_or("no ROT-PK came")?;
    check(phone.epoch()? == 1, "the device has not replaced its key")?;
    let keys = stage.stored(&phone.party.id)?.authenticator.keys;
    check(keys.current.epoch == Epoch(1) && keys.next.is_none(), "the server has not replaced its key")?;
    ui.talk(format!(
        "    The phone's key was replaced with a fresh key agreement on top, so that who copied the old key does not \
         learn the new one:\n    {}",
        hex(&offer)
    ));
    Ok(format!("ROT-PK of {} bytes replaced another with a fresh agreement", offer.len()))
}

/// What the enrolment's secret opened and sealed, it opens and seals no more.
fn old_key_is_dead(stage: &Stage, ui: &Ui) -> Finding {
    let phone = stage.phone()?;
    let enrolment = Enrolment::from_uri(&stage.phone_uri).map_err(|error| error.to_string())?;
    let old = EpochKeys::derive(&activation_key(&enrolment.secret, &enrolment.party), &enrolment.party, Epoch(0));
    let mut rng = rand();
    let request = Request {
        highest: CodeIndex(1),
        unused: 0,
        wanted: WANTED_SERVERS_CHOICE,
        reason: Reason::Manual,
        ephemeral: None,
    };
    let forged = old.seal_request(1_000, &request, &mut rng).map_err(|error| error.to_string())?;
    let expanded = expand_uplink(&forged).map_err(|error| error.to_string())?;
    let before = stage.stored(&phone.party.id)?.authenticator.next_index;
    let status = stage.relying_party.send_message(&expanded)?;
    let after = stage.stored(&phone.party.id)?.authenticator.next_index;
    check(status == 204 && before == after, format!("the server took a request under the old key ({status})"))?;
    let handle = phone.ask(|device| device.account().handle())?;
    let sync = Sync { last_request: 1, rotate: false, suspended: false, threshold: 63 };
    let sync = old.seal_sync(handle, u32::MAX, &sync, &mut rng).map_err(|error| error.to_string())?;
    let refused = phone.ask(move |device| {
        device.receive(&sync).map(|report| report.refused.len()).map_err(|error| error.to_string())
    })??;
    check(refused == 1 && phone.epoch()? == 1, "the device took a message under the old key")?;
    ui.talk(format!(
        "    The old key is dead: a request sealed under it got no answer ({status}), and a message sealed under it \
         was refused by the phone."
    ));
    Ok("the old key opens nothing on either side".to_owned())
}

/// A set under the new key, and a code of it at the door.
fn set_under_the_new_key(stage: &Stage, ui: &Ui) -> Finding {
    let gate = stage.gate()?;
    gate.tape.rewind();
    let came = gate.ask(|device| device.request_set().map(|r| r.codes_received()).map_err(|e| e.to_string()))??;
    check(came > 0, "no set came")?;
    let set = gate.tape.last_received(DownlinkKind::Set).ok_or("no SET came")?;
    let header = UnverifiedDownlink::decode(&set).map_err(|error| error.to_string())?.header();
    check(header.epoch_low == 1, format!("the set came under epoch {}", header.epoch_low))?;
    let first = header.sequence.ok_or("a SET has a sequence number")?;
    walk_up_to(stage, gate, first)?;
    ui.talk(format!(
        "\nM9  The next {came} codes came sealed under the new key (epoch 1 in the clear header). The gate's device \
         opened them with it, and the relying party accepted code {first}, the first of them:\n    {}",
        hex(&set)
    ));
    Ok(format!("{came} codes came under epoch 1, were opened with the new key, and code {first} was accepted"))
}

/// Uses codes up to `last`, as far apart as the look-ahead of the gate's policy lets them be.
fn walk_up_to(stage: &Stage, gate: &DemoDevice, last: u32) -> Result<(), String> {
    let used = gate.ask(|device| device.account().codes().filter(|mark| mark.used).map(|mark| mark.index.0).max())?;
    let mut floor = used.unwrap_or(0) + 1;
    loop {
        let index = last.min(floor + 9);
        let shown = gate.take(Selector::Index(CodeIndex(index)))?;
        let accepted = stage.gate_keeper.verify("warden", &shown.code, &format!("m9-{index}"))?;
        check(accepted, format!("code {index} was refused"))?;
        if index == last {
            return Ok(());
        }
        floor = index + 1;
    }
}

fn rand() -> UnwrapErr<SysRng> {
    UnwrapErr(SysRng)
}
