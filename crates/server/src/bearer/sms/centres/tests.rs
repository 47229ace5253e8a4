#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use matchbook_protocol::sms::{Form, Segment};

use super::*;
use crate::bearer::sms::centre::{Accepted, SubmitError, SubmitOptions};
use crate::bearer::sms::testing::{TestInbox, config, number};

struct Named {
    name: &'static str,
    is_up: AtomicBool,
}

#[async_trait]
impl Centre for Named {
    fn name(&self) -> &str {
        self.name
    }
    fn form(&self) -> Form {
        Form::Binary
    }
    fn is_up(&self) -> bool {
        self.is_up.load(Ordering::SeqCst)
    }
    fn room(&self) -> usize {
        1
    }
    async fn submit(&self, _: &Address, _: &Segment, _: &SubmitOptions) -> Result<Accepted, SubmitError> {
        Err(SubmitError::Throttled)
    }
}

fn centres(routes: &[(&'static str, &[&str], bool)]) -> Centres {
    let routes = routes.iter().map(|(name, prefixes, is_up)| Route {
        prefixes: prefixes.iter().map(|prefix| (*prefix).to_owned()).collect(),
        centre: Arc::new(Named { name, is_up: AtomicBool::new(*is_up) }),
    });
    Centres { routes: routes.collect(), sessions: Mutex::default(), callbacks: Callbacks::default() }
}

fn ways(centres: &Centres, to: &str) -> Vec<String> {
    centres.for_number(&number(to)).iter().map(|centre| centre.name().to_owned()).collect()
}

#[test]
fn the_longest_prefix_goes_first_and_a_way_that_is_down_last() {
    let up = centres(&[
        ("all", &[], true),
        ("german", &["+49"], true),
        ("mobile", &["+43", "+4917"], true),
        ("second", &["+49"], true),
        ("short", &["16"], true),
    ]);
    assert_eq!(ways(&up, "+491701234567"), ["mobile", "german", "second", "all"]);
    assert_eq!(ways(&up, "+4930123"), ["german", "second", "all"]);
    assert_eq!(ways(&up, "+431"), ["mobile", "all"]);
    assert_eq!(ways(&up, "+1555"), ["all"]);
    assert_eq!(ways(&up, "16020"), ["short", "all"]);
    let down = centres(&[("all", &[], true), ("german", &["+49"], false), ("mobile", &["+4917"], false)]);
    assert_eq!(ways(&down, "+491701234567"), ["all", "mobile", "german"]);
    assert!(ways(&centres(&[("german", &["+49"], true)]), "+1555").is_empty());
}

#[tokio::test]
async fn all_of_a_configuration_begin_and_end() {
    let config = config(
        "number = \"16020\"\n[[gateway]]\nname = \"web\"\nkind = \"generic\"\nurl = \"http://127.0.0.1:1/\"\n\
         secret = \"0123456789abcdef\"\n[[centre]]\nname = \"north\"\naddress = \"127.0.0.1:1\"\nsystem_id = \"m\"\n\
         password = \"p\"\nprefixes = [\"+49\"]\n",
    );
    let (stop, stopping) = watch::channel(crate::duties::Duty::On);
    let measures = SmsMeasures::default();
    let centres = start(&config, TestInbox::new(), stopping, &measures).unwrap();
    assert_eq!(centres.all().map(|centre| centre.name()).collect::<Vec<_>>(), ["web", "north"]);
    assert_eq!(ways(&centres, "+4917"), ["web", "north"], "nobody listens at north");
    let mut registry = prometheus_client::registry::Registry::default();
    measures.register(&mut registry);
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
    for line in ["sms_up{centre=\"web\"} 1", "sms_up{centre=\"north\"} 0", "sms_submits_total{centre=\"north\"} 0"] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    stop.send_replace(crate::duties::Duty::Over);
    tokio::time::timeout(crate::bearer::sms::testing::PATIENCE, centres.ended()).await.unwrap();
}
