//! What happens in a storm, and what has to be so after it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use matchbook_smsc::{Centre, CentreOptions, Conditions, Counts, Network};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};

use crate::device::{self, Standing, Wish};
use crate::site::{Ground, Site};

/// How long one phase may take. On an idle machine it takes a tenth.
const PATIENCE: Duration = Duration::from_secs(1_800);
/// Threads that use codes.
const USERS: usize = 8;

pub(crate) struct Storm {
    pub(crate) seed: u64,
    pub(crate) ground: Ground,
    pub(crate) devices: usize,
    /// Codes that each device uses, of sets of six with a threshold of two.
    pub(crate) codes: u32,
    /// How often a server is killed, each time the one that has the session with the centre.
    pub(crate) kills: u32,
}

/// One device, and what was seen of it.
struct Seen {
    device: String,
    wishes: mpsc::Sender<Wish>,
    /// Accepted codes by index.
    accepted: BTreeMap<u32, String>,
}

impl Storm {
    pub(crate) fn of_the_environment() -> Self {
        let number = |name: &str, or: u64| std::env::var(name).map_or(or, |text| text.parse().unwrap());
        let devices = usize::try_from(number("MATCHBOOK_STORM_DEVICES", 1_000)).unwrap();
        let seed = number("MATCHBOOK_STORM_SEED", 20_021_122);
        Self { seed, ground: Ground::Sqlite, devices, codes: 9, kills: 0 }
    }

    pub(crate) fn rage(&self) {
        let began = Instant::now();
        let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let network = Network::new(Conditions {
            seed: self.seed,
            loss: 0.2,
            duplication: 0.2,
            reordering: 0.2,
            jitter: Duration::from_secs(2),
            ..Conditions::default()
        });
        let listen = "127.0.0.1:0".parse().unwrap();
        let centre = runtime.block_on(Centre::start(network.clone(), listen, CentreOptions::default())).unwrap();
        let site = Arc::new(Site::build(self.ground, centre.address()));
        let devices = self.enrol(&site, &runtime, &network);
        watch(&network);
        let killer = self.killer(Arc::clone(&site));
        let rotations = AtomicU32::new(0);
        let devices = self.use_codes(&site, devices, &rotations);
        let kills = killer.map_or(0, Killer::end);
        let standings = self.settle(&site, &runtime, &devices);
        self.check(&site, &devices, &standings);
        let counts = network.counts();
        self.report(&site, &standings, &counts, kills, rotations.into_inner(), began.elapsed());
        assert_eq!(kills, self.kills);
        drop(devices);
        runtime.block_on(centre.stop());
    }

    /// Makes the devices, of every suite that goes by SMS, and starts them: each sends its ENROL by short message.
    fn enrol(&self, site: &Arc<Site>, runtime: &Runtime, network: &Arc<Network>) -> Vec<Seen> {
        let kinds = [("symmetric", "shared"), ("x25519", "shared"), ("x25519", "public-key"), ("p256", "shared")];
        let enrolled = in_threads((0..self.devices).collect(), |n: usize| {
            let number = format!("+4917{n:08}");
            let (suite, delivery) = kinds[n % kinds.len()];
            let (device, uri) = site.enrolment(&format!("user-{n}"), &number, suite, delivery);
            (n, number, device, uri)
        });
        let start = |(n, number, device, uri): (usize, String, String, String)| {
            let (wishes, receiver) = mpsc::channel(16);
            let phone = network.phone(number.parse().unwrap());
            runtime.spawn(device::run(uri, u8::try_from(n % 256).unwrap(), phone, receiver));
            Seen { device, wishes, accepted: BTreeMap::new() }
        };
        enrolled.into_iter().map(start).collect()
    }

    /// Each user uses codes as they come, tries every accepted one again, asks for sets by hand now and then, and has the
    /// key replaced at the operator's or the device's wish. All three triggers of refills go on meanwhile.
    fn use_codes(&self, site: &Site, devices: Vec<Seen>, rotations: &AtomicU32) -> Vec<Seen> {
        let groups = devices.into_iter().enumerate().fold(
            std::iter::repeat_with(Vec::new).take(USERS).collect::<Vec<_>>(),
            |mut groups, seen| {
                groups[seen.0 % USERS].push(seen);
                groups
            },
        );
        let used = in_threads(groups, |mut group: Vec<(usize, Seen)>| {
            let until = Instant::now() + PATIENCE;
            let mut waiting: Vec<usize> = (0..group.len()).collect();
            let mut tell_at = Instant::now() + Duration::from_secs(30);
            while !waiting.is_empty() {
                if Instant::now() > tell_at {
                    tell_at += Duration::from_secs(30);
                    tell(site, &group[waiting[0]].1);
                }
                assert!(Instant::now() < until, "{} devices have no codes", waiting.len());
                waiting.retain(|place| {
                    let (n, seen) = &mut group[*place];
                    if use_one(site, seen) {
                        wish(site, *n + seen.accepted.len(), seen, rotations);
                    }
                    seen.accepted.len() < usize::try_from(self.codes).unwrap()
                });
                std::thread::sleep(Duration::from_millis(20));
            }
            group
        });
        used.into_iter().flatten().map(|(_, seen)| seen).collect()
    }

    /// Waits until no device is in the middle of something: each has codes, and no key replacement is under way.
    fn settle(&self, site: &Site, runtime: &Runtime, devices: &[Seen]) -> Vec<Standing> {
        let until = Instant::now() + PATIENCE;
        let mut waiting: Vec<usize> = (0..devices.len()).collect();
        let mut standings = vec![Standing::default(); devices.len()];
        while !waiting.is_empty() {
            waiting.retain(|place| {
                let standing = runtime.block_on(ask(&devices[*place].wishes, Wish::Show));
                let is_still = standing.enrolled && standing.unused > 0 && !standing.is_switching && {
                    let shown = site.device(&devices[*place].device);
                    shown["rotation_pending"] == false && shown["epoch"] == standing.epoch
                };
                standings[*place] = standing;
                !is_still
            });
            assert!(Instant::now() < until, "{} devices do not come to rest: {:?}", waiting.len(), {
                let first = waiting[0];
                (&devices[first].device, &standings[first], site.device(&devices[first].device))
            });
            std::thread::sleep(Duration::from_millis(if waiting.is_empty() { 0 } else { 200 }));
        }
        standings
    }

    fn check(&self, site: &Site, devices: &[Seen], standings: &[Standing]) {
        let checked = in_threads((0..devices.len()).collect(), |place: usize| {
            let seen = &devices[place];
            assert!(standings[place].unused > 0, "{} has no codes", seen.device);
            assert_eq!(seen.accepted.len(), usize::try_from(self.codes).unwrap(), "{}", seen.device);
            for (index, code) in &seen.accepted {
                let operation = format!("late-{}-{index}", seen.device);
                assert!(!site.verify(&seen.device, code, &operation), "{}: code {index} lives again", seen.device);
            }
            let messages = site.messages(&seen.device);
            let outstanding = messages["outbox"].as_array().unwrap().iter().filter(|it| it["content"] == "set").count();
            assert!(outstanding <= 1, "{}: {outstanding} sets are outstanding", seen.device);
            // The key is shared: a code that came under it verifies.
            let (answer, code) = oneshot::channel();
            seen.wishes.blocking_send(Wish::Take(answer)).unwrap();
            let (index, code) = code.blocking_recv().unwrap().unwrap();
            assert!(site.verify(&seen.device, &code, &format!("last-{}-{index}", seen.device)), "{}", seen.device);
        });
        assert_eq!(checked.len(), self.devices);
    }

    fn killer(&self, site: Arc<Site>) -> Option<Killer> {
        if self.kills == 0 {
            return None;
        }
        let (stop, kills) = (Arc::new(AtomicBool::new(false)), self.kills);
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            for _ in 0..kills {
                // When the storm is over before the last of them, the rest comes in its wake.
                if !stopped.load(Ordering::Relaxed) {
                    std::thread::sleep(Duration::from_millis(1_500));
                }
                kill_one(&site);
            }
            kills
        });
        Some(Killer { stop, thread })
    }

    fn report(&self, site: &Site, standings: &[Standing], counts: &Counts, kills: u32, rotations: u32, took: Duration) {
        let sets: u32 = standings.iter().map(|it| it.sets).sum();
        let requests: u32 = standings.iter().map(|it| it.sent).sum();
        let keys: u32 = standings.iter().map(|it| it.epoch).sum();
        println!(
            "seed {}: {:?}, {} devices, {kills} kills, {:.0} s. {sets} sets came, {keys} keys were replaced ({rotations} \
             wishes), {} codes accepted once and refused after, {requests} messages sent by devices.",
            self.seed,
            self.ground,
            self.devices,
            took.as_secs_f64(),
            u32::try_from(self.devices).unwrap() * self.codes,
        );
        println!("network: {counts:?}");
        for node in 0..site.nodes() {
            let metrics = site.metrics(node).unwrap_or_default();
            metrics.lines().filter(|line| line.starts_with("matchbook_short_messages")).for_each(|line| {
                println!("server {node}: {line}");
            });
        }
    }
}

/// Kills the server that has the session with the centre. Where there are others, one of them takes it over before the
/// killed one is started again.
fn kill_one(site: &Site) {
    let victim = site.bound();
    site.kill(victim);
    if site.nodes() > 1 {
        assert_ne!(site.bound(), victim);
    }
    site.start(victim);
}

/// Kills servers again and again.
struct Killer {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<u32>,
}

impl Killer {
    fn end(self) -> u32 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

/// What its user or the operator wants of a device now and then.
fn wish(site: &Site, turn: usize, seen: &Seen, rotations: &AtomicU32) {
    match turn % 12 {
        0 => seen.wishes.blocking_send(Wish::AskForSet).unwrap(),
        4 => {
            rotations.fetch_add(1, Ordering::Relaxed);
            site.rotate(&seen.device);
        }
        8 => {
            rotations.fetch_add(1, Ordering::Relaxed);
            seen.wishes.blocking_send(Wish::AskForKey).unwrap();
        }
        _ => {}
    }
}

/// Takes a code, has it verified, and tries it again as another operation. Says whether there was one.
fn use_one(site: &Site, seen: &mut Seen) -> bool {
    let (answer, code) = oneshot::channel();
    seen.wishes.blocking_send(Wish::Take(answer)).unwrap();
    let Some((index, code)) = code.blocking_recv().unwrap() else { return false };
    let operation = format!("use-{}-{index}", seen.device);
    assert!(site.verify(&seen.device, &code, &operation), "{}: code {index} was refused", seen.device);
    assert!(site.verify(&seen.device, &code, &operation), "{}: the same operation, another answer", seen.device);
    assert!(
        !site.verify(&seen.device, &code, &format!("again-{}-{index}", seen.device)),
        "{}: code {index} was accepted twice",
        seen.device
    );
    seen.accepted.insert(index, code);
    true
}

/// With MATCHBOOK_STORM_LOG, tells of a device that has had no codes for long.
fn tell(site: &Site, seen: &Seen) {
    if std::env::var_os("MATCHBOOK_STORM_LOG").is_some() {
        let (answer, standing) = oneshot::channel();
        seen.wishes.blocking_send(Wish::Show(answer)).unwrap();
        let standing = standing.blocking_recv().unwrap();
        eprintln!(
            "{}: {standing:?} {} {}",
            seen.accepted.len(),
            site.device(&seen.device),
            site.messages(&seen.device)
        );
    }
}

/// With MATCHBOOK_STORM_LOG, tells how it goes.
fn watch(network: &Arc<Network>) {
    if std::env::var_os("MATCHBOOK_STORM_LOG").is_some() {
        let network = Arc::downgrade(network);
        std::thread::spawn(move || {
            while let Some(network) = network.upgrade() {
                eprintln!("{:?}", network.counts());
                std::thread::sleep(Duration::from_secs(5));
            }
        });
    }
}

async fn ask<T>(wishes: &mpsc::Sender<Wish>, wish: impl FnOnce(oneshot::Sender<T>) -> Wish) -> T {
    let (answer, asked) = oneshot::channel();
    wishes.send(wish(answer)).await.unwrap();
    asked.await.unwrap()
}

/// Does something for each, in a few threads; the results keep their order.
fn in_threads<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let share = items.len().div_ceil(USERS).max(1);
    let mut items = items.into_iter();
    let shares: Vec<Vec<T>> = std::iter::from_fn(|| {
        let share: Vec<T> = items.by_ref().take(share).collect();
        (!share.is_empty()).then_some(share)
    })
    .collect();
    let work = &work;
    std::thread::scope(|scope| {
        let threads: Vec<_> = shares
            .into_iter()
            .map(|share| scope.spawn(move || share.into_iter().map(work).collect::<Vec<R>>()))
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}
