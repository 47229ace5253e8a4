//! The hosts of a URL one by one. The client goes through them by itself, but its time-out ends with the TCP connection:
//! a host that takes that and then says nothing would keep it from the next one for ever.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::IpAddr;
use std::time::Duration;

use tokio::net::lookup_host;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, LoadBalanceHosts};

use super::{Address, CONNECT_TIMEOUT, DEFAULT_PORT, shown};

/// One host of a URL.
pub(in crate::postgres) struct Place<'a> {
    config: &'a Config,
    host: &'a Host,
    address: Option<IpAddr>,
    port: u16,
}

impl Address {
    /// All hosts, in the order in which they are to be tried.
    pub(in crate::postgres) fn places(&self) -> Vec<Place<'_>> {
        let config = &self.config;
        let (addresses, ports) = (config.get_hostaddrs(), config.get_ports());
        let place = |(at, host)| Place {
            config,
            host,
            address: addresses.get(at).copied(),
            port: ports.get(at).or(ports.first()).copied().unwrap_or(DEFAULT_PORT),
        };
        let mut places: Vec<Place<'_>> = (0..).zip(config.get_hosts()).map(place).collect();
        if config.get_load_balance_hosts() == LoadBalanceHosts::Random {
            let chance = RandomState::new();
            places.sort_by_cached_key(|it| chance.hash_one((format!("{:?}", it.host), it.port)));
        }
        places
    }

    /// How long each address of a host may take.
    pub(in crate::postgres) fn patience(&self) -> Duration {
        self.config.get_connect_timeout().copied().unwrap_or(CONNECT_TIMEOUT)
    }
}

impl Place<'_> {
    /// The host and the database, for sentences: nothing secret.
    pub(in crate::postgres) fn shown(&self) -> String {
        format!("postgres://{}/{}", shown(self.host, self.port), self.config.get_dbname().unwrap_or_default())
    }

    /// What to connect with, for each address of the host.
    pub(in crate::postgres) async fn configs(&self) -> io::Result<Vec<Config>> {
        match (self.host, self.address) {
            (Host::Tcp(name), None) => {
                let found = lookup_host((name.as_str(), self.port)).await?;
                Ok(found.map(|address| self.config_of(Some(address.ip()))).collect())
            }
            (Host::Tcp(_) | Host::Unix(_), address) => Ok(vec![self.config_of(address)]),
        }
    }

    /// The configuration with one host alone. A configuration cannot be told to forget its hosts, so it is made anew.
    fn config_of(&self, address: Option<IpAddr>) -> Config {
        let (from, mut config) = (self.config, Config::new());
        from.get_user().map(|it| config.user(it));
        from.get_password().map(|it| config.password(it));
        from.get_dbname().map(|it| config.dbname(it));
        from.get_options().map(|it| config.options(it));
        from.get_application_name().map(|it| config.application_name(it));
        from.get_connect_timeout().map(|it| config.connect_timeout(*it));
        from.get_tcp_user_timeout().map(|it| config.tcp_user_timeout(*it));
        from.get_keepalives_interval().map(|it| config.keepalives_interval(it));
        from.get_keepalives_retries().map(|it| config.keepalives_retries(it));
        config
            .ssl_mode(from.get_ssl_mode())
            .ssl_negotiation(from.get_ssl_negotiation())
            .keepalives(from.get_keepalives())
            .keepalives_idle(from.get_keepalives_idle())
            .target_session_attrs(from.get_target_session_attrs())
            .channel_binding(from.get_channel_binding())
            .port(self.port);
        match self.host {
            Host::Tcp(name) => config.host(name),
            Host::Unix(path) => config.host_path(path),
        };
        address.map(|it| config.hostaddr(it));
        config
    }
}
