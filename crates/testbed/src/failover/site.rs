//! A cluster, nodes on it, and a balancer before the nodes.

use std::net::SocketAddr;

use super::{Cluster, Node, Subject};
use crate::history::Code;
use crate::{Balancer, Trouble};

/// The database's name. No test has two.
const DATABASE: &str = "matchbook";

/// All that an operator runs.
pub struct Site {
    /// The servers of the database.
    pub cluster: Cluster,
    /// In their places; a killed one keeps its place until another is started there.
    nodes: Vec<Box<dyn Node>>,
    balancer: Balancer,
    /// What there is to verify.
    pub codes: Vec<Code>,
}

impl Site {
    /// Starts a cluster and so many nodes.
    ///
    /// # Errors
    /// Something does not come up.
    pub fn start(subject: &mut impl Subject, nodes: usize) -> Result<Self, Trouble> {
        let cluster = Cluster::start(DATABASE)?;
        let codes = subject.prepare(&cluster.access()?, DATABASE, cluster.url())?;
        let nodes = (0..nodes).map(|_| subject.start_node(cluster.url())).collect::<Result<Vec<_>, _>>()?;
        let site = Self { cluster, nodes, balancer: Balancer::new(&[])?, codes };
        site.tell_balancer();
        Ok(site)
    }

    /// Where clients ask.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.balancer.address()
    }

    /// A code to verify.
    ///
    /// # Errors
    /// There are not so many.
    pub fn code(&self, number: usize) -> Result<&Code, Trouble> {
        self.codes.get(number).ok_or_else(|| Trouble::new("there are not enough codes"))
    }

    /// Where a node answers, past the balancer.
    ///
    /// # Errors
    /// There are not so many.
    pub fn node(&self, place: usize) -> Result<SocketAddr, Trouble> {
        self.nodes.get(place).map(|node| node.address()).ok_or_else(|| Trouble::new("there are not enough nodes"))
    }

    /// Kills a node, and starts none in its place.
    ///
    /// # Errors
    /// There are not so many.
    pub fn kill_node(&mut self, place: usize) -> Result<(), Trouble> {
        self.nodes.get_mut(place).map(|node| node.kill()).ok_or_else(|| Trouble::new("there are not enough nodes"))
    }

    /// Kills a node, counted round, and starts another in its place.
    ///
    /// # Errors
    /// There are no nodes, or the new one does not come up.
    pub fn replace_node(&mut self, subject: &impl Subject, number: usize) -> Result<(), Trouble> {
        let place = number.checked_rem(self.nodes.len()).ok_or_else(|| Trouble::new("there are no nodes"))?;
        // The balancer finds out by itself that the node is gone.
        self.nodes.remove(place).kill();
        let node = subject.start_node(self.cluster.url())?;
        self.nodes.insert(place, node);
        self.tell_balancer();
        Ok(())
    }

    fn tell_balancer(&self) {
        let addresses: Vec<SocketAddr> = self.nodes.iter().map(|node| node.address()).collect();
        self.balancer.set(&addresses);
    }
}
