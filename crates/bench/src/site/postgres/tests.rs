#![allow(clippy::unwrap_used)]

use super::*;
use crate::population::Population;
use crate::rows::{Scale, Setting};
use crate::site::{Ground, SITES, Site};

#[test]
fn a_ground_on_postgres_is_filled_weighed_and_removed() {
    if !Postgres::is_installed() {
        return;
    }
    let (folder, servers) = (std::env::temp_dir(), Servers::default());
    let setting = Setting { scale: Scale::QUICK, place: &folder, servers: &servers };
    let site = SITES.iter().find(|site| matches!(site, Site::Postgres(_))).unwrap();
    let ground = Ground::prepare(&setting, *site, Population::of(20).unwrap()).unwrap();
    assert!(ground.weigh().unwrap().iter().any(|(name, bytes)| name == "authenticators" && *bytes > 0));
    assert!(ground.bytes().unwrap() > 0 && ground.log_bytes() == 0);
    assert_eq!(ground.database_pids().len(), 1);
    let other = servers.database(&folder, false).unwrap();
    let count = || other.sql("SELECT count(*) FROM pg_database WHERE datname LIKE 'test%'").unwrap();
    assert_eq!(count(), "2");
    drop(ground);
    assert_eq!(count(), "1");
}
