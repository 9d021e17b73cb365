//! The list of all tests.

/// Defines all tests: `conformance!(run)` takes a `fn run(Behavior)` that calls the test with a new fixture.
/// Attributes for the tests may follow.
macro_rules! conformance {
    ($run:path $(, #[$attribute:meta])*) => {
        crate::jobs::conformance::conformance! {
            @groups $run, [$(#[$attribute])*]
            accept {
                accepted_deliveries_survive_reopening
                results_are_in_the_order_of_the_batch
                deliveries_without_an_id_are_never_duplicates
                a_queued_running_or_recently_done_delivery_has_duplicates
                duplicates_in_one_batch_are_one_delivery
                the_same_id_at_another_endpoint_is_not_a_duplicate
                after_the_deduplication_window_the_same_id_runs_again
                a_forced_delivery_runs_again_within_the_deduplication_window
                a_duplicate_revives_a_dead_delivery_with_the_new_body
                two_replicas_that_receive_the_same_id_accept_it_once
                above_the_limit_of_deliveries_nothing_is_accepted
                above_the_limit_of_bytes_nothing_is_accepted_until_deliveries_are_purged
            }
            claim {
                a_claim_returns_the_delivery_in_full
                a_claim_returns_where_the_delivery_comes_from
                the_longest_due_delivery_is_claimed_first
                no_more_deliveries_are_claimed_than_requested
                concurrency_limits_all_replicas_together
                simultaneous_claims_never_exceed_the_concurrency
                a_completion_frees_a_slot_in_the_same_step
                a_failed_attempt_is_retried_after_its_backoff
                the_time_until_the_next_due_delivery_is_returned
                a_release_does_not_count_the_attempt
                releases_are_counted_until_a_retry_resets_them
                a_released_delivery_keeps_its_place_in_the_queue
                a_completion_with_a_stale_fencing_token_is_discarded
                a_completion_by_another_replica_is_discarded
                a_completion_counts_once
                an_error_may_contain_any_text
            }
            replicas {
                a_replica_with_an_expired_lease_claims_nothing
                an_unregistered_replica_claims_nothing
                a_replica_with_an_expired_lease_occupies_no_slots
                replicas_that_miss_heartbeats_are_reported
                a_replica_that_sends_heartbeats_keeps_its_deliveries
                a_replica_does_not_recover_its_own_deliveries
                a_late_heartbeat_renews_a_lease_that_nobody_recovered
                completions_of_a_replica_that_lost_its_deliveries_are_discarded
                deliveries_of_a_deregistered_replica_are_lost
                a_lost_attempt_counts
                recovery_decides_by_endpoint_and_attempt
            }
            retention {
                done_deliveries_are_purged_after_their_retention
                dead_deliveries_are_retained_forever_by_default
                dead_deliveries_are_purged_by_age
                queued_and_running_deliveries_never_expire
                queued_deliveries_are_purged_by_endpoint
                dead_deliveries_are_purged_by_endpoint
            }
            inspect {
                lists_are_newest_first
                lists_filter_by_state_and_endpoint
                details_include_failed_attempts_and_the_body
                details_include_the_note_of_the_last_attempt
                deliveries_are_found_by_a_range_of_ids
                lists_show_the_event_and_repo_of_the_payload
                the_oldest_due_delivery_is_the_one_waiting_longest
                deliveries_of_orphaned_endpoints_are_never_the_oldest_due
                orphaned_endpoints_are_reported
                deliveries_that_are_not_done_are_counted
                superseded_deliveries_are_counted
            }
            retry {
                a_retried_delivery_has_all_its_attempts_again
                all_dead_deliveries_can_be_retried
                more_deliveries_than_one_chunk_are_retried_and_purged
                retried_deliveries_run_in_the_order_of_death_before_newer_ones
            }
            waiting {
                a_waiting_delivery_is_due_later_without_a_count
                waits_are_counted_in_a_row
                waiting_never_counts_as_a_release
                a_snoozed_delivery_is_due_later_without_a_count
                snoozes_are_counted_in_a_row
            }
            keys {
                a_delivery_that_waits_for_another_of_its_key_waits_for_no_slot
                at_most_one_delivery_of_a_key_runs_at_a_time
                deliveries_of_a_key_run_in_the_order_of_arrival
                keys_share_the_concurrency_of_their_endpoint
                the_same_key_at_another_endpoint_is_another_key
                deliveries_without_a_key_do_not_wait_for_keys
                a_delivery_that_waits_for_its_retry_does_not_block_its_key
                a_released_delivery_keeps_its_place_in_its_key
                a_recovered_delivery_frees_its_key
                a_deleted_delivery_frees_its_key
                a_blocked_key_does_not_slow_down_claims
                many_keys_keep_their_order
                a_key_may_be_any_text
            }
            latest {
                a_newer_delivery_supersedes_the_queued_one_of_its_key
                deliveries_of_one_batch_supersede_each_other
                a_merged_body_has_all_changes
                a_running_delivery_is_not_superseded
                a_barrier_keeps_its_place
                deliveries_of_another_scope_are_barriers
                a_delivery_before_a_running_barrier_is_not_superseded
                without_latest_nothing_is_superseded
                a_newer_delivery_takes_the_place_of_the_older_one
                a_newer_delivery_does_not_wait_for_the_retry_of_the_older_one
                superseded_deliveries_are_not_in_the_backlog
                a_merged_body_stays_within_the_body_limit
                a_delivery_carries_a_limited_number_of_others
                groups_survive_reopening
            }
            logs {
                lines_are_read_in_their_order
                lines_are_written_while_an_attempt_runs
                lines_that_are_written_twice_are_kept_once
                older_lines_of_an_attempt_are_deleted
                lines_of_a_stale_attempt_are_discarded
                each_attempt_has_its_lines
                the_last_attempts_keep_their_lines
                lines_are_deleted_with_their_delivery
                a_lost_attempt_keeps_what_was_written
                a_line_may_contain_any_text
                the_last_lines_are_written_when_many_attempts_end_together
            }
            replaced {
                a_duplicate_of_a_superseded_delivery_is_a_duplicate_while_another_carries_it
                a_duplicate_of_a_superseded_delivery_after_the_window_runs
                superseded_deliveries_are_purged_with_the_one_that_carries_them
                cancelled_deliveries_expire_like_done_ones
                purging_a_queued_delivery_purges_what_it_carries
                a_large_group_is_purged
                lists_show_keys_and_groups
            }
            yielding {
                a_failed_delivery_yields_to_a_newer_one
                an_attempt_that_does_not_count_yields_to_a_newer_one
                a_lost_delivery_yields_to_a_newer_one
                a_dead_delivery_does_not_yield
                a_delivery_brings_its_group_along
                a_delivery_does_not_yield_beyond_a_barrier
                a_done_delivery_supersedes_the_older_ones_of_its_key
                a_skipped_delivery_supersedes_no_older_one
                a_delivery_that_does_not_fit_is_queued_again
                a_stale_completion_changes_no_group
            }
            debounce {
                a_delivery_waits_until_its_key_is_quiet
                a_key_that_is_never_quiet_runs_after_the_longest_wait
                a_duplicate_does_not_restart_the_quiet_time
                a_barrier_ends_the_wait
                a_delivery_of_another_scope_ends_the_wait
                a_failed_delivery_starts_a_new_wait_with_the_next_one
                keys_wait_by_themselves
            }
            cancel {
                a_queued_delivery_is_cancelled_at_once
                a_running_delivery_is_stopped_by_its_replica
                a_stop_that_nobody_asked_for_is_no_end
                a_cancelled_delivery_is_not_queued_again
                a_cancelled_delivery_that_succeeds_is_done
                a_run_that_cannot_be_stopped_is_not_cancelled
                all_deliveries_of_an_endpoint_are_cancelled
                a_cancelled_delivery_has_duplicates_like_a_done_one
                a_lost_cancelled_delivery_is_cancelled
                a_newer_delivery_stops_the_running_one
                a_barrier_stops_nothing
                a_delivery_that_was_stopped_for_a_purged_one_runs_again
            }
            pause {
                a_paused_endpoint_accepts_and_runs_nothing
                a_pause_survives_reopening
                a_pause_is_reported_once
                a_newer_delivery_stops_nothing_while_its_endpoint_is_paused
            }
            rerun {
                every_ended_delivery_can_run_again
                a_delivery_that_runs_again_carries_its_group
                what_a_delivery_carries_has_duplicates_when_it_runs_again
                a_superseded_delivery_that_runs_again_leaves_its_group
                a_delivery_that_runs_again_is_a_barrier
                a_retried_delivery_carries_its_group
            }
            trace {
                each_attempt_has_the_context_that_was_accepted
                a_delivery_without_a_context_has_none
                a_merged_delivery_has_the_contexts_of_those_that_it_carries
                a_revived_delivery_has_the_new_context
            }
            interleavings {
                random_interleavings_agree_with_the_model
            }
            values {
                a_value_stays_until_it_is_replaced_or_removed
                a_value_expires_after_its_ttl
                a_value_that_is_set_again_gets_the_new_ttl
                keys_and_values_may_be_any_text
                one_holder_at_a_time_has_a_lease
                a_lease_ends_after_its_duration_unless_it_is_renewed
                values_survive_reopening_and_are_shared_by_replicas
                replicas_that_want_a_lease_together_do_not_share_it
            }
            simulation {
                two_replicas_never_run_a_delivery_at_the_same_time
            }
        }
    };
    (@groups $run:path, $attributes:tt $($group:ident { $($name:ident)* })*) => {
        $(crate::jobs::conformance::conformance! { @names $run, $attributes $group $($name)* })*
    };
    (@names $run:path, $attributes:tt $group:ident $($name:ident)*) => {
        $(crate::jobs::conformance::conformance! { @test $run, $attributes $group $name })*
    };
    (@test $run:path, [$($attribute:tt)*] $group:ident $name:ident) => {
        #[test]
        $($attribute)*
        fn $name() {
            $run(|fixture| Box::pin(crate::jobs::conformance::$group::$name(fixture)));
        }
    };
}
pub(crate) use conformance;
