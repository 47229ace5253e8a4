//! A code is accepted once, however many ask at once and wherever.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::common::{Api, Phone, Reply, Site, Stands, on_stores, operation};

on_stores! { [sqlite postgres] {
    of_200_verifies_of_one_code_at_once_one_is_accepted,
}}

const CALLERS: usize = 200;
const ROUNDS: usize = 50;
/// On PostgreSQL, where every refusal is a transaction that waits for the one before it.
const ROUNDS_ON_POSTGRES: usize = 12;

/// One code, and who may ask about it.
struct Round {
    /// A caller at each server.
    callers: [Api; 2],
    user: String,
    device: String,
    code: String,
}

/// What the callers of all rounds were answered.
#[derive(Default)]
struct Answers {
    accepted: Vec<AtomicUsize>,
    rejected: Vec<AtomicUsize>,
    others: Mutex<Vec<(usize, u16, String)>>,
}

/// Two servers on one store share neither lanes nor caches, and a verify by user and one by device go by different lanes:
/// what decides is the commit alone. Each caller is a source of its own, so that none of them is slowed before it is
/// decided; after 100 failures the device is locked, which refuses like a used code.
// MB-VER-2
fn of_200_verifies_of_one_code_at_once_one_is_accepted(stands: Stands) {
    let rounds = if stands == Stands::Postgres { ROUNDS_ON_POSTGRES } else { ROUNDS };
    race(stands, rounds);
}

#[test]
#[ignore = "takes minutes on a busy machine"]
fn of_200_verifies_of_one_code_at_once_one_is_accepted_50_times_over_on_postgres() {
    if Stands::Postgres.is_here() {
        race(Stands::Postgres, ROUNDS);
    }
}

fn race(stands: Stands, how_often: usize) {
    let site = Site::on(stands);
    let second = site.second();
    let rounds: Arc<Vec<Round>> = Arc::new((0..how_often).map(|round| prepare(&site, &second.url, round)).collect());
    let answers = Arc::new(Answers {
        accepted: (0..how_often).map(|_| AtomicUsize::new(0)).collect(),
        rejected: (0..how_often).map(|_| AtomicUsize::new(0)).collect(),
        others: Mutex::default(),
    });
    let start = Arc::new(Barrier::new(CALLERS));
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (rounds, answers, start) = (Arc::clone(&rounds), Arc::clone(&answers), Arc::clone(&start));
            thread::spawn(move || ask_in_all_rounds(caller, &rounds, &answers, &start))
        })
        .collect();
    callers.into_iter().for_each(|caller| caller.join().unwrap());

    let others = answers.others.lock().unwrap();
    assert!(others.is_empty(), "neither accepted nor rejected: {:?}", others.first());
    for round in 0..how_often {
        assert_eq!(answers.accepted[round].load(Ordering::SeqCst), 1, "round {round}");
        assert_eq!(answers.rejected[round].load(Ordering::SeqCst), CALLERS - 1, "round {round}");
    }
    second.stop();
}

/// Asks again, with the same operation id, when so many decided at once that this one was not.
fn until_decided(api: &Api, body: &Value) -> Reply {
    loop {
        let reply = api.post("/v1/verify", body);
        if reply.status != 503 {
            return reply;
        }
        assert!(reply.retry_after().is_some());
    }
}

fn prepare(site: &Site, second: &str, round: usize) -> Round {
    let (realm, user) = (format!("r{round}"), "alice".to_owned());
    let party = site.realm(&realm, &json!({ "set_size": 20, "threshold": 0 }));
    let mut phone: Phone = site.phone(&realm, &user);
    let code = phone.take();
    Round { callers: [party.clone(), party.at(second)], user, device: phone.id().to_string(), code }
}

fn ask_in_all_rounds(caller: usize, rounds: &[Round], answers: &Answers, start: &Barrier) {
    // One connection to one of the servers, kept for all rounds.
    let connection = rounds[0].callers[caller % 2].apart();
    for (number, round) in rounds.iter().enumerate() {
        let api = connection.with_token_of(&round.callers[0]);
        let mut body = json!({ "operation_id": operation(), "code": round.code, "source": format!("10.0.0.{caller}") });
        match caller / 2 % 2 {
            0 => body["user"] = Value::from(round.user.clone()),
            _ => body["device"] = Value::from(round.device.clone()),
        }
        start.wait();
        let reply = until_decided(&api, &body);
        match reply.status {
            200 if reply.json() == json!({ "accepted": true }) => &answers.accepted[number],
            200 if reply.json() == json!({ "accepted": false }) => &answers.rejected[number],
            status => {
                let body = String::from_utf8_lossy(&reply.body).into_owned();
                answers.others.lock().unwrap().push((number, status, body));
                continue;
            }
        }
        .fetch_add(1, Ordering::SeqCst);
    }
}
