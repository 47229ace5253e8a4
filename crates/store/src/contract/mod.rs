//! What every store has to do, each sentence of [`Store`](crate::Store) as a test.
//! [`store_contract!`](crate::store_contract) makes the tests of a store out of it; [`agree`] compares two stores over
//! random changes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test suite: it fails by panicking, and a test's name is its sentence"
)]

pub mod agree;
pub mod counts;
pub mod dispatches;
pub mod fixtures;
pub mod generate;
pub mod imports;
pub mod ledger;
pub mod lists;
pub mod loads;
pub mod races;
pub mod rows;
pub mod sweeps;

/// Makes a test of each sentence for one store. The argument is an expression, evaluated for each test, that gives an
/// empty store as `Arc<dyn Store>` and something to keep until the test is over, such as its folder. The crate that
/// uses it needs tokio with `macros` and `rt-multi-thread`.
#[macro_export]
macro_rules! store_contract {
    ($open:expr) => {
        $crate::store_contract! { $open =>
            rows: an_empty_store_answers_nothing,
            rows: realms_are_rewritten_by_version,
            rows: subscribers_are_rewritten_by_version,
            rows: authenticators_are_rewritten_by_version,
            rows: guards_hold_for_what_was_seen,
            rows: guards_are_checked_before_the_writes,
            rows: a_conflict_writes_nothing,
            rows: writes_are_made_in_their_order,
            rows: identification_codes_are_unique_across_realms,
            rows: every_field_of_an_authenticator_is_kept,
            rows: every_field_of_a_policy_is_kept,
            rows: tokens_are_unique_by_id_and_hash,
            rows: operations_are_unique_in_their_relying_party,
            rows: an_answer_is_guarded_by_what_was_answered,
            rows: a_verify_loads_who_may_answer_it,
            ledger: an_index_is_spent_once,
            ledger: a_code_without_a_set_is_not_spent,
            ledger: sets_never_overlap,
            ledger: sets_that_make_no_sense_are_refused,
            ledger: every_field_of_a_set_is_kept,
            ledger: a_voided_set_takes_its_spends_along,
            ledger: a_spent_index_never_comes_back,
            ledger: spends_are_told_in_order,
            ledger: keys_are_apart_in_each_realm,
            counts: failures_are_set_and_cleared,
            counts: a_bucket_counts_in_its_window,
            counts: a_buckets_last_failure_is_the_one_counted_last,
            counts: a_window_of_the_future_begins_anew_and_keeps_its_count,
            counts: buckets_of_realms_that_do_not_exist_count_too,
            counts: a_bucket_is_calm_below_its_limit_and_after_its_window,
            lists: lists_come_in_pages,
            lists: names_are_ordered_byte_by_byte,
            lists: limits_are_taken_to_their_range,
            lists: events_come_newest_first,
            lists: every_field_of_an_event_is_kept,
            lists: tokens_come_oldest_first,
            lists: the_outbox_tells_what_is_due,
            lists: the_outbox_tells_what_came_since,
            lists: a_sender_takes_what_is_due,
            lists: a_lease_is_one_nodes_at_a_time,
            lists: the_outbox_of_a_device_comes_oldest_first,
            lists: outbox_writes_do_nothing_when_the_message_is_gone,
            lists: work_is_due_until_it_is_begun,
            lists: due_work_comes_in_pages_and_not_for_the_suspended,
            lists: stats_count,
            loads: a_verify_gives_each_device_its_own_sets_and_spends,
            loads: a_device_is_loaded_with_all_its_sets_and_messages,
            loads: counts_and_operations_are_loaded_for_nobody_too,
            dispatches: prompt_messages_are_due_before_bulk,
            dispatches: a_message_is_due_later_without_a_sending,
            dispatches: every_field_of_a_dispatch_is_kept,
            dispatches: dispatches_come_newest_first,
            dispatches: a_receipt_means_the_newest_of_its_name,
            dispatches: buckets_come_in_the_order_of_their_keys,
            dispatches: pruning_forgets_old_dispatches,
            sweeps: pruning_forgets_by_time,
            sweeps: pruning_forgets_sets_that_are_spent_whole,
            sweeps: pruning_goes_on_over_many_rows,
            sweeps: a_restored_store_accepts_nothing,
            sweeps: marking_twice_is_harmless,
            sweeps: a_probe_can_be_repeated,
            imports: what_is_put_aside_is_seen_by_nobody,
            imports: an_import_goes_live_whole,
            imports: what_is_remembered_of_a_user_does_not_hide_an_imported_device,
            imports: an_import_goes_live_once,
            imports: a_part_again_changes_nothing,
            imports: an_import_whose_code_is_taken_makes_nothing,
            imports: a_snapshot_of_an_import_tells_what_is_there,
            imports: a_cleared_import_blocks_nothing,
            imports: an_import_that_was_left_is_found,
            imports: one_of_many_that_go_live_makes_the_devices,
            imports: an_import_that_is_cleared_meanwhile_goes_live_whole_or_not_at_all,
            imports: what_was_put_aside_does_not_outlive_a_restored_backup,
            races: one_of_two_hundred_spends_wins,
            races: one_of_many_rewrites_wins,
            races: reads_see_whole_commits,
            races: an_operation_is_answered_once,
        }
    };
    ($open:expr => $($module:ident: $name:ident,)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
            async fn $name() {
                let (store, _kept) = $open;
                $crate::contract::$module::$name(store).await;
            }
        )*
    };
}
