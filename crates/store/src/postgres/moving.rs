//! The switch that holds a store still while its rows are copied elsewhere.

use super::PostgresStore;
use super::apply::Step;
use super::pool::STATEMENT_TIMEOUT;
use super::session::Query;
use super::transaction::transact;
use crate::CommitError;

/// Waits for every transaction that has written to a table of ours, and lets the next ones go on: those look at the
/// switch after their writes, so they refuse themselves. The lock conflicts with writes and with nothing else.
const WAIT_FOR_WRITERS: &str = "LOCK TABLE audit, authenticators, buckets, directory, dispatches, failures, forgotten, \
     operations, outbox, probes, realms, sets, spends, subscribers, tokens IN SHARE MODE";

impl PostgresStore {
    /// Lets every node refuse every write from now on, or take them again. When it returns, no write is under way.
    ///
    /// # Errors
    /// As a commit. A switch that is in doubt is switched again.
    pub async fn set_read_only(&self, is_read_only: bool) -> Result<(), CommitError> {
        let sql = if is_read_only {
            "INSERT INTO meta (name, value) VALUES ('read_only', '') ON CONFLICT DO NOTHING"
        } else {
            "DELETE FROM meta WHERE name = 'read_only'"
        };
        let switch = [Step::free(Query::new(sql, []))];
        transact(&self.pool, &self.tally, &switch, None, STATEMENT_TIMEOUT).await?;
        if is_read_only {
            let wait = [Step::free(Query::new(WAIT_FOR_WRITERS, []))];
            transact(&self.pool, &self.tally, &wait, None, STATEMENT_TIMEOUT).await?;
        }
        Ok(())
    }
}
