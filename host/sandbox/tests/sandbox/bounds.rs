//! Every bound, with a guest that runs against it: it fails by itself, in time, with its reason, and harms nobody else.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jackfield_sandbox::{Binding, CallError, CallErrorKind, Grants, Limits, LogLevel, Sandbox, SandboxOptions};
use serde_json::json;

use crate::fixture::{Fixed, binding, channel, component, hostile, limited, signed, unsigned};

/// A call that fails. An honest call on another channel works before, meanwhile and after.
async fn fails(behaviour: &str, limits: Limits, kind: CallErrorKind) -> CallError {
    let honest = channel("verifies").await;
    let hostile = limited(behaviour, limits).await;
    let (failed, meanwhile) = tokio::join!(hostile.receive(signed("x")), honest.receive(signed("hello")));
    assert_eq!(meanwhile.unwrap().result.unwrap().events.len(), 1, "another call was harmed");
    assert!(honest.receive(signed("hello")).await.unwrap().result.is_ok(), "a later call was harmed");
    let error = failed.map(|call| call.result).expect_err(behaviour);
    assert_eq!(error.kind, kind, "{error}");
    error
}

fn quick() -> Limits {
    Limits { cpu: Duration::from_millis(200), wall: Duration::from_secs(20), ..Limits::default() }
}

#[tokio::test]
async fn an_endless_loop_ends_with_its_cpu_time() {
    let limits = Limits { cpu: Duration::from_millis(100), ..Limits::default() };
    let error = fails("spins", limits, CallErrorKind::CpuExceeded).await;
    assert_eq!(error.message, "The call used more than its 100 ms of CPU time.");
    assert!(error.usage.cpu >= Duration::from_millis(100), "{:?}", error.usage);
    assert!(error.usage.cpu < Duration::from_millis(150), "{:?}", error.usage);
}

#[tokio::test]
async fn an_endless_loop_gives_the_thread_back_while_it_runs() {
    // One thread; the honest call is asked for second and has to be served first.
    let limits = Limits { cpu: Duration::from_millis(500), ..Limits::default() };
    let spinning = limited("spins", limits).await;
    let honest = channel("verifies").await;
    let (spun, served) = tokio::join!(
        async {
            spinning.receive(unsigned("x")).await.unwrap_err();
            Instant::now()
        },
        async {
            honest.receive(signed("x")).await.unwrap();
            Instant::now()
        }
    );
    assert!(served < spun);
}

#[tokio::test]
async fn waiting_for_ever_ends_with_its_time_and_uses_no_cpu() {
    let limits = Limits { wall: Duration::from_millis(300), ..Limits::default() };
    let error = fails("waits", limits, CallErrorKind::WallExceeded).await;
    assert_eq!(error.message, "The call took longer than its 300 ms.");
    assert!(error.usage.wall < Duration::from_secs(2), "{:?}", error.usage);
    assert!(error.usage.cpu < Duration::from_millis(100), "{:?}", error.usage);
}

#[tokio::test]
async fn a_memory_bomb_ends_at_its_memory() {
    let error = fails("allocates", Limits { memory_bytes: 32 << 20, ..quick() }, CallErrorKind::MemoryExceeded).await;
    assert_eq!(error.message, "The call wanted more than its 32 MiB of memory.");
    assert!(error.usage.memory_bytes <= 32 << 20);
    assert!(error.usage.memory_bytes > 16 << 20);
}

#[tokio::test]
async fn recursion_without_end_ends_in_a_trap() {
    // Rust keeps most of its stack in linear memory, whose end it runs into before the host's bound.
    let honest = channel("verifies").await;
    let error = limited("recurses", quick()).await.receive(signed("x")).await.unwrap_err();
    assert!(matches!(error.kind, CallErrorKind::StackOverflow | CallErrorKind::Trap), "{error:?}");
    assert!(honest.receive(signed("hello")).await.unwrap().result.is_ok());
}

#[tokio::test]
async fn a_panic_is_a_trap_and_its_sentence_is_in_the_log() {
    let error = fails("traps", quick(), CallErrorKind::Trap).await;
    assert!(error.message.starts_with("The connector stopped"), "{error}");
    let line = error.log.iter().find(|line| line.level == LogLevel::Error).unwrap();
    assert!(line.message.contains("This connector stops here."), "{line:?}");
}

#[tokio::test]
async fn a_flood_of_events_is_refused() {
    let error = fails("floods-events", quick(), CallErrorKind::OutputExceeded).await;
    assert_eq!(error.message, "The call returned 5000 events; at most 2000 are taken.");
}

#[tokio::test]
async fn a_flood_of_text_is_refused() {
    let error = fails("floods-text", quick(), CallErrorKind::OutputExceeded).await;
    assert_eq!(error.message, "The call returned more than its 4 MiB.");
}

#[tokio::test]
async fn a_huge_reply_never_arrives_in_the_hosts_memory() {
    let error = fails("floods-reply", quick(), CallErrorKind::HostFuelExceeded).await;
    assert_eq!(error.message, "The call handed over more than 8 MiB at once.");
}

#[tokio::test]
async fn a_huge_argument_never_arrives_in_the_hosts_memory() {
    fails("floods-host", quick(), CallErrorKind::HostFuelExceeded).await;
}

#[tokio::test]
async fn a_hoard_of_handles_is_refused() {
    let error = fails("hoards-handles", quick(), CallErrorKind::HandlesExceeded).await;
    assert_eq!(error.message, "The call held more than its 256 handles open.");
}

#[tokio::test]
async fn a_flood_of_log_is_counted_and_dropped() {
    let limits = Limits { cpu: Duration::from_secs(5), ..Limits::default() };
    let call = limited("floods-log", limits).await.receive(unsigned("x")).await.unwrap();
    let log = call.effects.log;
    assert_eq!(call.effects.usage.log_dropped, 99_900);
    assert_eq!(log.len(), 101);
    assert_eq!(log[100].message, "99900 more lines were dropped: the bound of the log was reached.");
    assert!(log.iter().map(|line| line.message.len()).sum::<usize>() < 34 << 10);
}

#[tokio::test]
async fn a_flood_of_state_ends_at_its_bounds() {
    let limits = Limits { cpu: Duration::from_secs(5), state_keys: 50, ..Limits::default() };
    // Nobody signed it, so none of it counts anyway; a failure says so.
    let error = limited("floods-state", limits).await.receive(unsigned("x")).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Unverified);
}

/// What became of `number` values of `size` bytes, and how many changes it came to.
async fn filled(limits: Limits, committed: Fixed, number: usize, size: usize) -> (String, usize) {
    let binding = Binding { limits, state: Arc::new(committed), ..binding("fills-state") };
    let call = hostile().await.bind(binding).unwrap().receive(signed(format!("{number} {size}"))).await.unwrap();
    (String::from_utf8(call.result.unwrap().reply.body).unwrap(), call.effects.state.len())
}

#[tokio::test]
async fn the_keys_of_a_state_are_bounded() {
    let limits = Limits { state_keys: 50, ..Limits::default() };
    let (told, changes) = filled(limits, Fixed::default(), 100, 10).await;
    assert_eq!(told, "50: The connector's state does not fit: the channel's store has its 50 keys.");
    assert_eq!(changes, 50);
}

#[tokio::test]
async fn what_one_call_writes_to_the_state_is_bounded() {
    let (told, _) = filled(Limits::default(), Fixed::default(), 1, (64 << 10) + 1).await;
    assert_eq!(told, "0: The connector's state does not fit: a value has at most 64 KiB, this one has 65537.");
    let (told, _) = filled(Limits::default(), Fixed::default(), 100, 60 << 10).await;
    assert_eq!(told, "4: The connector's state does not fit: one call writes at most 256 KiB.");
}

#[tokio::test]
async fn the_whole_state_of_a_channel_is_bounded_over_many_calls() {
    let limits = || Limits { state_total_bytes: 100_000, ..Limits::default() };
    let full = || Fixed((0..9).map(|n| (format!("old-{n}"), vec![b'x'; 10_000])).collect());
    let (told, changes) = filled(limits(), full(), 10, 4_000).await;
    assert_eq!(told, "2: The connector's state does not fit: the channel's store has at most 100000 bytes.");
    assert_eq!(changes, 2);
    // What is replaced makes room for what replaces it.
    let taken = Fixed((0..9).map(|n| (format!("key-{n:04}"), vec![b'x'; 11_000])).collect());
    assert_eq!(filled(limits(), taken, 9, 11_000).await, ("9: all of it".to_owned(), 9));
}

#[tokio::test]
async fn a_channel_that_is_called_too_often_is_told_when_to_come_again_and_harms_nobody() {
    let often = limited("verifies", Limits { calls_per_second: 3, ..Limits::default() }).await;
    for _ in 0..3 {
        assert!(often.receive(signed("x")).await.unwrap().result.is_ok());
    }
    let error = often.receive(signed("x")).await.unwrap_err();
    assert_eq!(error.kind, CallErrorKind::Busy);
    assert!(error.message.starts_with("The channel is called more than its 3 times a second; the next"), "{error}");
    assert!(error.usage.cpu.is_zero(), "something ran");
    assert!(channel("verifies").await.receive(signed("x")).await.unwrap().result.is_ok());
}

#[tokio::test]
async fn the_log_of_all_calls_of_a_channel_together_is_bounded() {
    let limits = Limits { log_lines_per_second: 2, ..Limits::default() };
    let channel = limited("logs", limits).await;
    let (mut lines, mut dropped) = (0, 0);
    for _ in 0..50 {
        let effects = channel.receive(unsigned("one line")).await.unwrap().effects;
        lines += effects.log.iter().filter(|line| line.message == "one line").count();
        dropped += effects.usage.log_dropped;
    }
    // Twenty at once, and two for each second that the test took.
    assert!((20..=30).contains(&lines), "{lines}");
    assert_eq!(lines + usize::try_from(dropped).unwrap(), 50);
}

#[tokio::test]
async fn a_full_channel_makes_its_own_callers_wait_and_nobody_elses() {
    let limits = Limits {
        wall: Duration::from_millis(800),
        queue: Duration::from_millis(50),
        concurrency: 1,
        ..Limits::default()
    };
    let busy = limited("waits", limits).await;
    let (first, second, other) = tokio::join!(busy.receive(unsigned("x")), busy.receive(unsigned("x")), async {
        channel("verifies").await.receive(signed("x")).await
    });
    let mut kinds = [first.unwrap_err().kind, second.unwrap_err().kind].map(CallErrorKind::as_str);
    kinds.sort_unstable();
    assert_eq!(kinds, ["busy", "wall_exceeded"]);
    assert!(other.unwrap().result.is_ok());
}

#[tokio::test]
async fn one_connector_on_many_channels_leaves_the_others_half_of_the_places() {
    let sandbox = Sandbox::new(SandboxOptions { instances: 2, ..SandboxOptions::default() }).unwrap();
    let hostile = sandbox.load(component("hostile")).await.unwrap();
    let limits = Limits { wall: Duration::from_millis(800), queue: Duration::from_millis(50), ..Limits::default() };
    let [one, two] = ["one", "two"].map(|channel| {
        let waits = Binding { channel: channel.parse().unwrap(), limits: limits.clone(), ..binding("waits") };
        hostile.bind(waits).unwrap()
    });
    let intruder = sandbox.load(component("intruder")).await.unwrap();
    let nothing = Binding {
        config: json!({}),
        secrets: BTreeMap::new(),
        grants: Grants::default(),
        limits: limits.clone(),
        ..binding("")
    };
    let other = intruder.bind(nothing).unwrap();
    let (first, second, other) =
        tokio::join!(one.receive(unsigned("x")), two.receive(unsigned("x")), other.receive(unsigned("1")));
    let mut kinds = [first.unwrap_err().kind, second.unwrap_err().kind].map(CallErrorKind::as_str);
    kinds.sort_unstable();
    assert_eq!(kinds, ["busy", "wall_exceeded"]);
    assert!(other.unwrap().result.is_ok());
}

#[tokio::test]
async fn a_call_that_its_caller_forgets_harms_nobody() {
    let limits = Limits { wall: Duration::from_secs(60), concurrency: 1, ..Limits::default() };
    let waiting = limited("waits", limits).await;
    for _ in 0..100 {
        let forgotten = tokio::time::timeout(Duration::from_millis(1), waiting.receive(unsigned("x"))).await;
        assert!(forgotten.is_err());
    }
    // Its one place is free again, and so are those of the pool.
    let honest = channel("verifies").await;
    for _ in 0..100 {
        assert!(honest.receive(signed("x")).await.unwrap().result.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_callers_than_places_are_all_served() {
    let limits = Limits { concurrency: 1_000, queue: Duration::from_secs(30), ..Limits::default() };
    let honest = limited("verifies", limits).await;
    let calls: Vec<_> = (0..200)
        .map(|n| {
            let honest = honest.clone();
            tokio::spawn(async move { honest.receive(signed(format!("hello {n}"))).await })
        })
        .collect();
    for call in calls {
        assert!(call.await.unwrap().unwrap().result.is_ok());
    }
}
