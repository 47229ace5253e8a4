//! One connection: statements are sent one after the other without waiting for the answers in between, and what the
//! server remarks beside its answers is counted.

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::TryStreamExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::OwnedSemaphorePermit;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Connection, Error, Row, Statement};

use crate::rows::Value;

/// Statements that a server keeps for nobody, on one connection: each is some kilobytes of its memory.
const MOST_ABANDONED: u32 = 32;

/// A statement and its values.
#[derive(Clone, Debug)]
pub(super) struct Query<'a> {
    pub(super) sql: Cow<'a, str>,
    pub(super) values: Vec<Value<'a>>,
}

impl<'a> Query<'a> {
    pub(super) fn new(sql: impl Into<Cow<'a, str>>, values: impl Into<Vec<Value<'a>>>) -> Self {
        Self { sql: sql.into(), values: values.into() }
    }
}

/// What came of a statement.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) rows: Vec<Row>,
    /// How many rows it changed, or found.
    pub(super) changed: u64,
}

/// A connection with its statements.
pub(super) struct Session {
    client: Client,
    remarks: Arc<Remarks>,
    statements: Mutex<HashMap<String, Statement>>,
    /// Statements that are being prepared, and those whose caller went away meanwhile: the server keeps these.
    preparing: AtomicU32,
}

/// What a server said beside its answers: its notices and warnings.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    count: AtomicU64,
    last: Mutex<String>,
}

impl Remarks {
    fn hear(&self, code: &str, message: &str) {
        tracing::debug!(code, message = message.escape_debug().to_string(), "the database remarks");
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = format!("{code}: {}", message.escape_debug());
        self.count.fetch_add(1, Ordering::SeqCst);
    }
}

type Asked<'q> = Pin<Box<dyn Future<Output = Result<Outcome, Error>> + Send + 'q>>;

impl Session {
    /// Drives a connection from now on. The permit is given back when the connection is over, which may be long after
    /// the session was dropped: a server that waits for its standby does not see that we have gone.
    pub(super) fn start<S, T>(client: Client, connection: Connection<S, T>, permit: OwnedSemaphorePermit) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let remarks = Arc::new(Remarks::default());
        tokio::spawn(drive(connection, Arc::clone(&remarks), permit));
        Self { client, remarks, statements: Mutex::default(), preparing: AtomicU32::new(0) }
    }

    /// Whether it has ended.
    pub(super) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// Whether the server keeps no more for it than it may. To be asked while nobody uses it.
    pub(super) fn is_tidy(&self) -> bool {
        self.preparing.load(Ordering::Relaxed) <= MOST_ABANDONED
    }

    /// How many remarks there were so far. Those that came before an answer are counted when the answer is there.
    pub(super) fn remarks(&self) -> u64 {
        self.remarks.count.load(Ordering::SeqCst)
    }

    /// The last of them.
    pub(super) fn last_remark(&self) -> String {
        self.remarks.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs statements without values.
    pub(super) async fn run(&self, sql: &str) -> Result<(), Error> {
        looked_at(sql);
        self.client.batch_execute(sql).await
    }

    /// Asks all at once, and returns when all is answered, with the first error if there is one. `begin` and `end` go
    /// before and behind.
    pub(super) async fn ask(
        &self,
        begin: Option<&str>,
        queries: &[Query<'_>],
        end: Option<&str>,
    ) -> Result<Vec<Outcome>, Error> {
        let statements = self.prepared(queries).await?;
        let begin = begin.map(|sql| self.word(sql));
        let end = end.map(|sql| self.word(sql));
        let asked = queries.iter().zip(&statements).map(|(query, statement)| self.one(statement, &query.values));
        let (from, to) = (usize::from(begin.is_some()), queries.len());
        let mut outcomes = in_order(begin.into_iter().chain(asked).chain(end).collect()).await?;
        Ok(outcomes.drain(from..).take(to).collect())
    }

    /// A single statement whose values are ours to encode. It reads to the end of the answer: what goes wrong at the
    /// commit comes after the rows.
    pub(super) async fn ask_raw(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, Error> {
        let statement = self.prepare(sql).await?;
        self.client.query(&statement, values).await
    }

    /// Lets the server know a statement before it is used.
    pub(super) async fn ready(&self, sql: &str) -> Result<(), Error> {
        self.prepare(sql).await.map(drop)
    }

    fn word<'q>(&'q self, sql: &'q str) -> Asked<'q> {
        looked_at(sql);
        Box::pin(async move { self.client.batch_execute(sql).await.map(|()| Outcome::default()) })
    }

    fn one<'q>(&'q self, statement: &'q Statement, values: &'q [Value<'q>]) -> Asked<'q> {
        Box::pin(async move {
            // To its end: what goes wrong at the commit of a statement by itself comes after its rows.
            let mut answer = std::pin::pin!(self.client.query_raw(statement, values).await?);
            let mut rows = Vec::new();
            while let Some(row) = answer.try_next().await? {
                rows.push(row);
            }
            let changed = answer.rows_affected().unwrap_or(0);
            Ok(Outcome { rows, changed })
        })
    }

    async fn prepared(&self, queries: &[Query<'_>]) -> Result<Vec<Statement>, Error> {
        let mut statements = Vec::with_capacity(queries.len());
        for query in queries {
            statements.push(self.prepare(&query.sql).await?);
        }
        Ok(statements)
    }

    async fn prepare(&self, sql: &str) -> Result<Statement, Error> {
        if let Some(known) = self.statements.lock().unwrap_or_else(PoisonError::into_inner).get(sql) {
            return Ok(known.clone());
        }
        looked_at(sql);
        self.preparing.fetch_add(1, Ordering::Relaxed);
        let prepared = self.client.prepare(sql).await;
        self.preparing.fetch_sub(1, Ordering::Relaxed);
        let statement = prepared?;
        let mut known = self.statements.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }
}

/// All that is sent comes by here.
fn looked_at(sql: &str) {
    #[cfg(any(test, feature = "contract"))]
    super::portable::insist(sql);
    let _ = sql;
}

/// Sends all in their order, then waits for the answers. A future sends when it is polled first.
async fn in_order(mut asked: Vec<Asked<'_>>) -> Result<Vec<Outcome>, Error> {
    let mut done: Vec<Option<Result<Outcome, Error>>> = Vec::with_capacity(asked.len());
    for one in &mut asked {
        done.push(
            poll_fn(|context| {
                Poll::Ready(match one.as_mut().poll(context) {
                    Poll::Ready(result) => Some(result),
                    Poll::Pending => None,
                })
            })
            .await,
        );
    }
    let (mut outcomes, mut trouble) = (Vec::with_capacity(asked.len()), None);
    for (one, done) in asked.into_iter().zip(done) {
        let result = match done {
            Some(result) => result,
            None => one.await,
        };
        match result {
            Ok(outcome) => outcomes.push(outcome),
            // Those behind it only say that the transaction has failed.
            Err(error) => {
                trouble.get_or_insert(error);
            }
        }
    }
    trouble.map_or(Ok(outcomes), Err)
}

async fn drive<S, T>(mut connection: Connection<S, T>, remarks: Arc<Remarks>, permit: OwnedSemaphorePermit)
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        match poll_fn(|context| connection.poll_message(context)).await {
            // It is counted before the answer behind it is handed on.
            Some(Ok(AsyncMessage::Notice(notice))) => remarks.hear(notice.code().code(), notice.message()),
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "a connection to the database ended");
                break;
            }
            None => break,
        }
    }
    drop(permit);
}
