//! No input is so bad that others wait for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::{Method, StatusCode};

use crate::support::{Server, WorstInput, event, expect, number_from_environment, worst_inputs};

/// How many send the same input at once. The stress test uses this many and more.
const SENDERS: u64 = 1;

/// How long a neighbour may wait, on a machine that does other things too: a tenth of what one of these inputs
/// took before they were bounded, and far above what any takes now.
const BOUND: Duration = Duration::from_secs(3);

/// What a refusal may have beside what its request had.
const ANSWER_BYTES: usize = 64 * 1024;

#[tokio::test]
async fn no_input_delays_other_tenants() {
    // Builds that are not optimized take their time over a megabyte.
    let server = Server::builder().env("EVENT_HISTORY_REQUEST_TIMEOUT", "60s");
    let server = server.start();
    let (tenant, neighbour) = (
        server.create_tenant("x").await,
        server.create_tenant("neighbour").await,
    );
    server.deliver(&neighbour, &event()).await;
    let senders = number_from_environment("EVENT_HISTORY_TEST_SENDERS", SENDERS);
    let mut wrong = Vec::new();
    for input in worst_inputs() {
        let is_over = AtomicBool::new(false);
        let sending = async {
            let sent = (0..senders).map(|_| input.send(&server, &tenant));
            let answers = join_all(sent).await;
            is_over.store(true, Ordering::Relaxed);
            answers
        };
        let watching = async {
            let mut longest = Duration::ZERO;
            loop {
                let started = Instant::now();
                let probe = server.request(Method::GET, "/health/live");
                expect(probe, StatusCode::OK).await;
                server.deliver(&neighbour, &event()).await;
                longest = longest.max(started.elapsed());
                if is_over.load(Ordering::Relaxed) {
                    return longest;
                }
            }
        };
        let (answers, longest) = tokio::join!(sending, watching);
        println!("{longest:>8.1?} beside {}", input.name);
        if longest > BOUND {
            wrong.push(format!("{longest:.1?} beside {}", input.name));
        }
        wrong.extend(answers.iter().filter_map(|answer| problem(&input, answer)));
    }
    assert_eq!(wrong, [""; 0]);
}

/// Says what is wrong with an answer.
fn problem(input: &WorstInput, (status, body): &(u16, String)) -> Option<String> {
    let name = input.name;
    if *status != input.status {
        let start: String = body.chars().take(300).collect();
        return Some(format!("{name}: {status} {start}"));
    }
    let most = input.size_bytes() + ANSWER_BYTES;
    (*status >= 400 && body.len() > most).then(|| format!("{name}: {} bytes", body.len()))
}
