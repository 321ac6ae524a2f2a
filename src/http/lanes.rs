//! Fair turns between tenants. The runtime runs what is ready in the order of arrival: where two hundred
//! connections of one tenant are ready, another tenant's single request would wait for all of them. So
//! the connections of a tenant that keeps many are polled by one task, its lane, which polls a few of
//! them and then queues up again, behind everybody else.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::domain::ClientId;

/// A tenant with no more connections than this has no lane: nobody notices a wait for so few.
const FEW: usize = 32;

/// How many connections a lane polls at a stretch: some 0.1 ms.
const STRETCH: usize = 8;

/// Tenants are told apart by the last byte of their client ids, which is random. Two that have the same one
/// share a lane, and wait for each other as all would without lanes.
const PLACES: usize = 1 << u8::BITS;

thread_local! {
    /// Whose request this thread has come to in the poll that it is in.
    static SERVED: Cell<Option<ClientId>> = const { Cell::new(None) };
}

/// Notes whose request is being answered.
pub(super) fn serves(tenant: ClientId) {
    SERVED.set(Some(tenant));
}

/// The connections of all tenants, and the lanes of those that have many.
#[derive(Debug)]
pub(super) struct Lanes(Box<[Place]>);

/// The connections of a tenant.
#[derive(Debug, Default)]
struct Place {
    connections: AtomicUsize,
    /// One for each thread of the runtime, since a task is run by one at a time.
    lanes: OnceLock<Box<[mpsc::UnboundedSender<Connection>]>>,
}

/// A connection, by whichever task it is polled.
struct Connection {
    requests: BoxFuture<'static, ()>,
    seat: Option<Seat>,
    /// Where its lane is, if one polls it.
    lane: Option<usize>,
    lanes: Arc<Lanes>,
}

/// Where a connection is counted: with the tenant that it served last.
#[derive(Clone, Copy)]
struct Seat {
    place: usize,
    /// How many there were before it, which spreads a tenant's connections over its lanes.
    number: usize,
}

/// A task that polls one connection.
struct Alone(Option<Connection>);

/// A task that polls many.
struct Lane {
    arrivals: mpsc::UnboundedReceiver<Connection>,
    members: FuturesUnordered<Member>,
    polled: Arc<AtomicUsize>,
}

/// A connection that a lane polls. Its output is the connection, if that has to go elsewhere.
struct Member {
    connection: Option<Connection>,
    /// How many were polled in this stretch.
    polled: Arc<AtomicUsize>,
}

/// What follows from a poll of a connection.
enum Next {
    Stays,
    /// Another task has to poll it at once, since it wakes the one that did.
    Moves,
    Ended,
}

impl Lanes {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self((0..PLACES).map(|_| Place::default()).collect()))
    }

    /// Starts to answer the requests of a connection, by whichever task is right, until it ends.
    pub(super) fn spawn(self: &Arc<Self>, requests: impl Future<Output = ()> + Send + 'static) {
        // A panic ends one connection, not all of its lane.
        let requests = AssertUnwindSafe(requests).catch_unwind().map(drop).boxed();
        tokio::spawn(Alone(Some(Connection {
            requests,
            seat: None,
            lane: None,
            lanes: Arc::clone(self),
        })));
    }
}

impl Place {
    fn of(tenant: ClientId) -> usize {
        usize::from(tenant.uuid().as_bytes()[15])
    }

    fn lane(&self, number: usize) -> &mpsc::UnboundedSender<Connection> {
        let lanes = self.lanes.get_or_init(|| {
            let threads = Handle::current().metrics().num_workers();
            (0..threads).map(|_| Lane::start()).collect()
        });
        &lanes[number % lanes.len()]
    }
}

impl Connection {
    fn poll(&mut self, context: &mut Context<'_>) -> Next {
        let poll = self.requests.poll_unpin(context);
        let served = SERVED.take();
        if poll.is_ready() {
            return Next::Ended;
        }
        if let Some(tenant) = served {
            self.sit_with(tenant);
        }
        if self.right_lane() == self.lane {
            Next::Stays
        } else {
            Next::Moves
        }
    }

    fn sit_with(&mut self, tenant: ClientId) {
        let place = Place::of(tenant);
        if self.seat.is_some_and(|seat| seat.place == place) {
            return;
        }
        self.stand_up();
        let number = self.lanes.0[place]
            .connections
            .fetch_add(1, Ordering::Relaxed);
        self.seat = Some(Seat { place, number });
    }

    fn stand_up(&mut self) {
        if let Some(seat) = self.seat.take() {
            let place = &self.lanes.0[seat.place];
            place.connections.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Returns where the lane is that has to poll it. What is in a lane stays there until it serves another
    /// tenant: a lane with few connections is as good as none.
    fn right_lane(&self) -> Option<usize> {
        let Seat { place, .. } = self.seat?;
        let are_many = self.lanes.0[place].connections.load(Ordering::Relaxed) > FEW;
        (are_many || self.lane == Some(place)).then_some(place)
    }

    /// Gives it to the task that has to poll it.
    fn move_on(mut self) {
        self.lane = self.right_lane();
        match self.seat {
            Some(Seat { place, number }) if self.lane.is_some() => {
                let lane = self.lanes.0[place].lane(number).clone();
                drop(lane.send(self)); // a lane outlasts what it polls, unless the runtime ends
            }
            _ => drop(tokio::spawn(Alone(Some(self)))),
        }
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.stand_up();
    }
}

impl Future for Alone {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        match self.0.as_mut().map(|it| it.poll(context)) {
            Some(Next::Stays) => return Poll::Pending,
            Some(Next::Moves) => self.0.take().map_or((), Connection::move_on),
            Some(Next::Ended) | None => {}
        }
        Poll::Ready(())
    }
}

impl Lane {
    fn start() -> mpsc::UnboundedSender<Connection> {
        let (sender, arrivals) = mpsc::unbounded_channel(); // no more than there are connections
        tokio::spawn(Self {
            arrivals,
            members: FuturesUnordered::new(),
            polled: Arc::default(),
        });
        sender
    }
}

impl Future for Lane {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.polled.store(0, Ordering::Relaxed);
        while let Poll::Ready(arrival) = self.arrivals.poll_recv(context) {
            let Some(connection) = arrival else {
                return Poll::Ready(()); // nobody is left who could send one: not even a member
            };
            let polled = Arc::clone(&self.polled);
            self.members.push(Member {
                connection: Some(connection),
                polled,
            });
        }
        while let Poll::Ready(Some(connection)) = self.members.poll_next_unpin(context) {
            if let Some(connection) = connection {
                connection.move_on();
            }
        }
        Poll::Pending
    }
}

impl Future for Member {
    type Output = Option<Connection>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let before = self.polled.fetch_add(1, Ordering::Relaxed);
        match self.connection.as_mut().map(|it| it.poll(context)) {
            Some(Next::Stays) => {
                if before + 2 >= STRETCH {
                    context.waker().wake_by_ref(); // two that do so make `FuturesUnordered` give way
                }
                Poll::Pending
            }
            Some(Next::Moves) => Poll::Ready(self.connection.take()),
            Some(Next::Ended) | None => Poll::Ready(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};
    use std::future::poll_fn;
    use std::mem::take;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};
    use std::task::{Poll, Waker};

    use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
    use tokio::task;
    use uuid::Uuid;

    use super::{FEW, Lanes, Place, STRETCH, serves};
    use crate::domain::ClientId;

    const MANY: usize = 5 * FEW;

    fn tenant(number: u128) -> ClientId {
        ClientId::from_uuid(Uuid::from_u128(number))
    }

    /// The far ends of connections, each of which serves the tenants that it is sent.
    struct Callers {
        lanes: Arc<Lanes>,
        requests: Vec<UnboundedSender<Option<ClientId>>>,
        answers: UnboundedReceiver<(usize, task::Id)>,
    }

    impl Callers {
        fn connect(count: usize) -> Self {
            let lanes = Lanes::new();
            let (answer, answers) = mpsc::unbounded_channel();
            let requests = (0..count).map(|number| {
                let (request, mut requests) = mpsc::unbounded_channel::<Option<ClientId>>();
                let answer = answer.clone();
                lanes.spawn(async move {
                    while let Some(tenant) = requests.recv().await {
                        serves(tenant.expect("one that does not panic"));
                        answer
                            .send((number, task::id()))
                            .expect("somebody who listens");
                    }
                });
                request
            });
            Self {
                requests: requests.collect(),
                lanes,
                answers,
            }
        }

        fn send(&self, number: usize, tenant: Option<ClientId>) {
            let sent = self.requests[number].send(tenant);
            sent.expect("a connection");
        }

        /// Returns which connection was answered next, and by which task.
        async fn answered(&mut self) -> (usize, task::Id) {
            self.answers.recv().await.expect("an answer")
        }

        /// Returns how many were answered by a lane.
        async fn all_call(&mut self, tenant: ClientId) -> usize {
            for number in 0..self.requests.len() {
                self.send(number, Some(tenant));
            }
            let mut by_task: HashMap<task::Id, usize> = HashMap::new();
            let mut answered = Vec::new();
            for _ in 0..self.requests.len() {
                let (number, task) = self.answered().await;
                *by_task.entry(task).or_default() += 1;
                answered.push(number);
            }
            answered.sort_unstable();
            assert!(answered.into_iter().eq(0..self.requests.len()));
            by_task.into_values().filter(|count| *count > 1).sum()
        }

        fn connections(&self, tenant: ClientId) -> usize {
            let place = &self.lanes.0[Place::of(tenant)];
            place.connections.load(Ordering::Relaxed)
        }
    }

    #[tokio::test]
    async fn a_crowd_goes_before_another_tenant_no_more_than_a_stretch_at_a_time() {
        let lanes = Lanes::new();
        let crowd: Arc<Mutex<Vec<Waker>>> = Arc::default();
        let polls = Arc::new(AtomicUsize::new(0));
        for _ in 0..MANY {
            let (crowd, polls) = (Arc::clone(&crowd), Arc::clone(&polls));
            lanes.spawn(poll_fn(move |context| {
                serves(tenant(1));
                polls.fetch_add(1, Ordering::Relaxed);
                let mut crowd = crowd.lock().expect("nobody panicked");
                crowd.push(context.waker().clone());
                Poll::Pending
            }));
        }
        let (done, mut waits) = mpsc::unbounded_channel();
        lanes.spawn(poll_fn(move |context| {
            serves(tenant(2));
            let wakers = take(&mut *crowd.lock().expect("nobody panicked"));
            wakers.into_iter().for_each(Waker::wake);
            context.waker().wake_by_ref();
            match done.send(polls.swap(0, Ordering::Relaxed)) {
                Ok(()) => Poll::Pending,
                Err(_) => Poll::Ready(()),
            }
        }));
        let mut seen = Vec::new();
        while seen.len() < 100 {
            seen.push(waits.recv().await.expect("a wait"));
        }
        // At first nobody is known to be one of many.
        let (gathering, settled) = seen.split_at(10);
        assert!(gathering.iter().any(|&wait| wait >= MANY), "{gathering:?}");
        assert!(settled.iter().all(|&wait| wait == STRETCH), "{settled:?}");
    }

    #[tokio::test]
    async fn connections_go_with_the_tenant_that_they_serve() {
        let mut callers = Callers::connect(MANY);
        for (calling, before) in [(1, 2), (2, 1), (1, 2)] {
            let (calling, before) = (tenant(calling), tenant(before));
            callers.all_call(calling).await;
            callers.all_call(calling).await;
            assert_eq!(callers.all_call(calling).await, MANY);
            assert_eq!(callers.connections(calling), MANY);
            assert_eq!(callers.connections(before), 0);
        }
        callers.requests.clear();
        assert_eq!(callers.answers.recv().await, None, "all have ended");
        assert_eq!(callers.connections(tenant(1)), 0);
    }

    #[tokio::test]
    async fn a_few_connections_have_no_lane() {
        let mut callers = Callers::connect(FEW);
        callers.all_call(tenant(1)).await;
        assert_eq!(callers.all_call(tenant(1)).await, 0);
        assert_eq!(callers.connections(tenant(1)), FEW);
    }

    #[tokio::test]
    async fn one_that_panics_ends_alone() {
        let mut callers = Callers::connect(MANY);
        callers.all_call(tenant(1)).await;
        callers.all_call(tenant(1)).await;
        callers.send(0, None);
        callers.requests[0].closed().await;
        callers.requests.remove(0);
        let mut tasks = HashSet::new();
        for number in 0..MANY - 1 {
            callers.send(number, Some(tenant(1)));
            let (answered, task) = callers.answered().await;
            assert_eq!(answered, number + 1);
            tasks.insert(task);
        }
        assert_eq!(tasks.len(), 1, "a lane answers them all");
        assert_eq!(callers.connections(tenant(1)), MANY - 1);
    }
}
