//! A node of the small server: this test binary as a process of its own.
//!
//! One transaction a request. It writes in any case, also when all was written before: so its commit waits for the
//! standby, which then has what the answer stands on.

use std::future::poll_fn;
use std::io::{BufRead, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, fs};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_postgres::{AsyncMessage, Client, Error, NoTls};

/// What the server keeps. `again` counts repetitions, so that each of them writes something.
pub(crate) const TABLES: &str = "
CREATE TABLE spends (
    device TEXT, code BIGINT, operation TEXT NOT NULL, again BIGINT NOT NULL, PRIMARY KEY (device, code));
CREATE TABLE operations (
    operation TEXT PRIMARY KEY, accepted BOOLEAN NOT NULL, again BIGINT NOT NULL)";

const SPEND: &str = "INSERT INTO spends VALUES ($1, $2, $3, 0)
ON CONFLICT (device, code) DO UPDATE SET again = spends.again + 1 RETURNING operation";

const RECORD: &str = "INSERT INTO operations VALUES ($1, $2, 0)
ON CONFLICT (operation) DO UPDATE SET again = operations.again + 1 RETURNING accepted";

const READ: &str = "SELECT accepted FROM operations WHERE operation = $1";

/// How often a write is run again before the client is told that the outcome is not known.
const ATTEMPTS: u32 = 10;

/// The pause before that.
const PAUSE: Duration = Duration::from_millis(20);

const URL: &str = "MATCHBOOK_TESTBED_NODE_URL";
const MANNER: &str = "MATCHBOOK_TESTBED_NODE_MANNER";

/// How a server treats durability.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// It waits for the standby, and runs a write again whose outcome it does not know.
    Right,
    /// It does not wait for the standby.
    Asynchronous,
    /// It looks whether a write is there whose outcome it does not know.
    ReadsInDoubt,
    /// It answers a repetition by what it reads.
    ReadsRepetitions,
    /// It takes a commit with a warning for a commit.
    OverlooksWarnings,
}

impl Manner {
    const ALL: [Self; 5] =
        [Self::Right, Self::Asynchronous, Self::ReadsInDoubt, Self::ReadsRepetitions, Self::OverlooksWarnings];
}

/// Starts a node, and returns when it listens.
pub(crate) fn start(url: &str, manner: Manner) -> (Child, SocketAddr) {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", "node::play", "--ignored", "--nocapture"]);
    command.env(URL, url).env(MANNER, format!("{manner:?}")).stdout(Stdio::piped());
    let mut process = command.spawn().unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
    let address = lines.find_map(|line| line.split_once("listens on ")?.1.parse().ok()).unwrap();
    // The test's frame says something after a minute, and ends when nobody listens.
    std::thread::spawn(move || lines.for_each(drop));
    (process, address)
}

#[test]
#[ignore = "other tests start it as a process of its own"]
fn play() {
    let (Ok(url), Ok(manner)) = (env::var(URL), env::var(MANNER)) else { return };
    let manner = Manner::ALL.into_iter().find(|known| format!("{known:?}") == manner).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("the node listens on {}", listener.local_addr().unwrap());
        std::io::stdout().flush().unwrap();
        let node = Arc::new(Node { url, manner, idle: Mutex::default() });
        // A node whose test has gone goes too.
        let parent = std::os::unix::process::parent_id();
        tokio::spawn(async move {
            while fs::metadata(format!("/proc/{parent}")).is_ok() && std::os::unix::process::parent_id() == parent {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            std::process::exit(1);
        });
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let node = Arc::clone(&node);
            tokio::spawn(async move {
                let _gone = node.serve(stream).await;
            });
        }
    });
}

struct Node {
    url: String,
    manner: Manner,
    /// Connections that have nothing to do. One on which anything went wrong never comes here.
    idle: Mutex<Vec<Connection>>,
}

struct Connection {
    client: Client,
    /// Whether a warning came on it.
    warned: Arc<AtomicBool>,
}

struct Request<'a> {
    device: &'a str,
    code: i64,
    operation: &'a str,
}

struct Committed {
    accepted: bool,
    /// There was a warning: the wait for the standby was cancelled.
    is_in_doubt: bool,
}

impl Node {
    /// One request: `device code operation`.
    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut stream = tokio::io::BufReader::new(stream);
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let [device, code, operation] = words[..] else { return Ok(()) };
        let answer = match self.verify(&Request { device, code: code.parse().unwrap(), operation }).await {
            Some(true) => "accepted\n",
            Some(false) => "rejected\n",
            None => "unknown\n",
        };
        stream.write_all(answer.as_bytes()).await
    }

    /// Whether it was accepted; `None` when that is not known.
    async fn verify(&self, request: &Request<'_>) -> Option<bool> {
        let manner = self.manner;
        if manner == Manner::ReadsRepetitions
            && let Ok(Some(accepted)) = self.read(request).await
        {
            return Some(accepted);
        }
        for _attempt in 0..ATTEMPTS {
            if let Ok(Committed { accepted, is_in_doubt }) = self.write(request).await
                && (!is_in_doubt || manner == Manner::OverlooksWarnings)
            {
                return Some(accepted);
            }
            if manner == Manner::ReadsInDoubt
                && let Ok(Some(accepted)) = self.read(request).await
            {
                return Some(accepted);
            }
            if manner == Manner::ReadsRepetitions {
                return None;
            }
            tokio::time::sleep(PAUSE).await;
        }
        None
    }

    async fn write(&self, request: &Request<'_>) -> Result<Committed, Error> {
        let mut connection = self.connection().await?;
        let transaction = connection.client.transaction().await?;
        let spent = transaction.query_one(SPEND, &[&request.device, &request.code, &request.operation]).await?;
        let accepted = spent.get::<_, &str>(0) == request.operation;
        let recorded = transaction.query_one(RECORD, &[&request.operation, &accepted]).await?;
        let accepted = recorded.get(0);
        transaction.commit().await?;
        let is_in_doubt = connection.warned.load(Ordering::SeqCst);
        if !is_in_doubt {
            self.idle.lock().unwrap().push(connection);
        }
        Ok(Committed { accepted, is_in_doubt })
    }

    async fn read(&self, request: &Request<'_>) -> Result<Option<bool>, Error> {
        let connection = self.connection().await?;
        let row = connection.client.query_opt(READ, &[&request.operation]).await?;
        Ok(row.map(|row| row.get(0)))
    }

    /// An idle connection, or a new one.
    async fn connection(&self) -> Result<Connection, Error> {
        let idle = self.idle.lock().unwrap().pop();
        match idle {
            Some(connection) => Ok(connection),
            None => self.connect().await,
        }
    }

    async fn connect(&self) -> Result<Connection, Error> {
        let (client, mut connection) = tokio_postgres::connect(&self.url, NoTls).await?;
        let warned = Arc::new(AtomicBool::new(false));
        let warns = Arc::clone(&warned);
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if let AsyncMessage::Notice(_) = message {
                    warns.store(true, Ordering::SeqCst);
                }
            }
        });
        let mode = if self.manner == Manner::Asynchronous { "local" } else { "on" };
        client.batch_execute(&format!("SET synchronous_commit = {mode}")).await?;
        Ok(Connection { client, warned })
    }
}
