//! M11: a code verifies once, ever.

use std::thread;

use matchbook_protocol::Selector;

use super::stage::Stage;
use super::{Finding, Row, check, note};
use crate::ui::Ui;

/// So many ask at once.
const PARALLEL: usize = 200;

pub(super) fn play(stage: &mut Stage, ui: &Ui, rows: &mut Vec<Row>) {
    note(rows, "M11", one_time(stage, ui));
}

fn one_time(stage: &Stage, ui: &Ui) -> Finding {
    let laptop = stage.laptop()?;
    let first = laptop.take(Selector::Next)?;
    let door = &stage.relying_party;
    check(door.verify("bob", &first.code, "m11-first")?, "a good code was refused")?;
    check(door.verify("bob", &first.code, "m11-first")?, "the same operation got another answer")?;
    check(!door.verify("bob", &first.code, "m11-again")?, "a code was accepted twice")?;
    check(!stage.store_contains(first.code.as_bytes())?, "the code stands in the store")?;
    let raced = laptop.take(Selector::Next)?;
    let _progress = ui.progress("verifying one code from 200 clients at once");
    let accepted = race(stage, &raced.code)?;
    check(accepted == 1, format!("{accepted} of {PARALLEL} parallel verifies were accepted"))?;
    ui.talk(format!(
        "\nM11 Code {} was accepted. The same operation asked again and got the same answer; another operation with the \
         same code was refused. Code {} was then sent by {PARALLEL} clients at once: {accepted} of them was told yes. \
         Neither code stands in the store's files.",
        first.index, raced.index
    ));
    Ok(format!("accepted once, refused again; of {PARALLEL} parallel verifies of one code {accepted} was accepted"))
}

fn race(stage: &Stage, code: &str) -> Result<usize, String> {
    thread::scope(|scope| {
        let clients: Vec<_> = (0..PARALLEL)
            .map(|number| {
                let client = stage.relying_party.another();
                scope.spawn(move || client.verify("bob", code, &format!("m11-race-{number}")))
            })
            .collect();
        let mut accepted = 0;
        for client in clients {
            match client.join().map_err(|_| "a client's thread ended badly".to_owned())? {
                Ok(true) => accepted += 1,
                Ok(false) => {}
                // Whoever lost the race failed, and failures from one place are slowed: that is no acceptance.
                Err(why) if why.contains("429") => {}
                Err(why) => return Err(why),
            }
        }
        Ok(accepted)
    })
}
