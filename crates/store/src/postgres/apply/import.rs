//! Writes of imports of devices with keys from a factory.

use std::time::Duration;

use matchbook_rules::{GoLive, Staged};

use super::{Step, dollars, holds};
use crate::postgres::rows::first;
use crate::postgres::session::Query;
use crate::rows::{
    ARRIVED, COPY_STAGED, END_IMPORT, HOLD_IMPORT, READY, Ready, STAGE_AUTHENTICATOR, STAGE_SUBSCRIBER, TOUCH_IMPORT,
    bind_authenticator, bind_subscriber, import_key, number, time, unready,
};

/// How long one statement may take when an import goes live: it is one for all of its devices.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

pub(super) fn stage(staged: &Staged) -> impl Iterator<Item = Step<'_>> {
    let [realm, import] = import_key(&staged.realm, &staged.import);
    let touch = Query::new(dollars(TOUCH_IMPORT), [realm, import.clone(), time(staged.at)]);
    let (aside, person) = (dollars(&STAGE_AUTHENTICATOR), dollars(&STAGE_SUBSCRIBER));
    let of = import.clone();
    let people = staged.subscribers.iter().map(move |it| {
        let values: Vec<_> = bind_subscriber(it).into_iter().chain([of.clone()]).collect();
        Step::free(Query::new(person.clone(), values))
    });
    let devices = staged.devices.iter().map(move |it| {
        let values: Vec<_> = bind_authenticator(it).into_iter().chain([import.clone()]).collect();
        Step::free(Query::new(aside.clone(), values))
    });
    [Step::sole(touch, || "the import is live already".to_owned())].into_iter().chain(people).chain(devices)
}

pub(super) fn go_live(it: &GoLive) -> impl Iterator<Item = Step<'_>> {
    let key = || import_key(&it.realm, &it.import);
    let patience = Step::quiet(Query::new(format!("SET LOCAL statement_timeout = {}", PATIENCE.as_millis()), []));
    // Who adds to it, clears it, or wants it to go live too waits here, and then finds what this one has made of it.
    let hold = Step::quiet(Query::new(dollars(HOLD_IMPORT), key()));
    let ready = Step::checked(Query::new(dollars(READY), key()), move |outcome| {
        let why = unready(first(&outcome.rows, Ready::read)?, &it.import, it.devices);
        holds(why.is_none(), &|| why.clone().unwrap_or_default())
    });
    let copies = COPY_STAGED.iter().map(move |sql| Step::free(Query::new(dollars(sql), key())));
    let arrived = Step::checked(Query::new(dollars(ARRIVED), key()), move |outcome| {
        let found: Option<(bool, u32)> = first(&outcome.rows, |row| Ok((row.flag()?, row.number()?)))?;
        let is_whole = found.is_some_and(|(is_live, arrived)| is_live || arrived == it.devices);
        holds(is_whole, &|| "some of the identification codes were taken meanwhile".to_owned())
    });
    let [realm, import] = key();
    let end = Query::new(dollars(END_IMPORT), [realm, import, number(it.devices), time(it.at)]);
    [patience, hold, ready].into_iter().chain(copies).chain([arrived, Step::free(end)])
}
