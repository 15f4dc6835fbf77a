%% The benchmarks of one node in Erlang. Printed is one line of JSON, as by the other programs.
-module(local).
-export([main/1, counter/1, echo/0, idle/2]).

-define(BURST, 1000).
-define(IN_FLIGHT, 128).

main([Bench, Operations, Ms, WarmUpMs]) ->
    put(warm_up_ms, list_to_integer(WarmUpMs)),
    N = list_to_integer(Operations),
    {Done, Ns, Check, Bytes} = bench(Bench, N, list_to_integer(Ms)),
    io:format("{\"operations\":~b,\"ns\":~b,\"check\":~b,\"bytes\":~b}~n",
              [Done, Ns, Check, Bytes]),
    halt(0).

bench("tell", N, Ms) ->
    Counter = spawn(?MODULE, counter, [0]),
    repeat(N, Ms, fun() -> tells(Counter, 0, N, 0) end);
bench("ask-sequential", N, Ms) ->
    Echo = spawn(?MODULE, echo, []),
    repeat(N, Ms, fun() -> asks(Echo, 0, 1, N, 0) end);
bench("ask-128", N, Ms) ->
    Echo = spawn(?MODULE, echo, []),
    repeat(N, Ms, fun() -> asks_in_flight(Echo, N) end);
bench("spawn", N, Ms) ->
    Sum = counters:new(1, [atomics]),
    repeat(N, Ms,
           fun() ->
                   counters:put(Sum, 1, 0),
                   Pids = spawn_idle(N, Sum),
                   await_sum(Sum, N),
                   put(idle, Pids),
                   counters:get(Sum, 1)
           end,
           fun() -> end_all(erase(idle)) end);
bench("memory", N, _) ->
    Sum = counters:new(1, [atomics]),
    erlang:garbage_collect(),
    Before = erlang:memory(total),
    Started = erlang:monotonic_time(nanosecond),
    Pids = spawn_idle(N, Sum),
    await_sum(Sum, N),
    Ns = erlang:monotonic_time(nanosecond) - Started,
    erlang:garbage_collect(),
    Bytes = erlang:memory(total) - Before,
    N = length(Pids),
    {N, Ns, counters:get(Sum, 1), Bytes};
bench("million", N, _) ->
    Sum = counters:new(1, [atomics]),
    Started = erlang:monotonic_time(nanosecond),
    Pids = spawn_idle(N, Sum),
    lists:foreach(fun(Pid) -> Pid ! hit end, Pids),
    %% Half of the sum is from starting, half from the message.
    await_sum(Sum, N, 2),
    Ns = erlang:monotonic_time(nanosecond) - Started,
    {N, Ns, counters:get(Sum, 1) div 2, most_bytes()}.

%% Runs batches until they have taken Ms, warm-up first.
repeat(N, Ms, Batch) ->
    repeat(N, Ms, Batch, fun() -> ok end).
repeat(N, Ms, Batch, Between) ->
    during(get(warm_up_ms) * 1000000, Batch, Between, {0, 0, 0}),
    {Batches, Ns, Check} = during(Ms * 1000000, Batch, Between, {0, 0, 0}),
    {Batches * N, Ns, Check, 0}.

during(Ns, _, _, {_, Spent, _} = Sums) when Spent >= Ns ->
    Sums;
during(Ns, Batch, Between, {Batches, Spent, Check}) ->
    Started = erlang:monotonic_time(nanosecond),
    Found = Batch(),
    Took = erlang:monotonic_time(nanosecond) - Started,
    Between(),
    during(Ns, Batch, Between, {Batches + 1, Spent + Took, Check + Found}).

counter(Sum) ->
    receive
        {add, Value} ->
            counter(Sum + Value);
        {take, From, Ref} ->
            From ! {Ref, Sum},
            counter(0)
    end.

tells(_, N, N, Sum) ->
    Sum;
tells(Counter, From, N, Sum) ->
    To = min(From + ?BURST, N),
    adds(Counter, From, To),
    Ref = make_ref(),
    Counter ! {take, self(), Ref},
    receive {Ref, Part} -> tells(Counter, To, N, Sum + Part) end.

adds(_, To, To) ->
    ok;
adds(Counter, Value, To) ->
    Counter ! {add, Value},
    adds(Counter, Value + 1, To).

echo() ->
    receive
        {From, Ref, Value} ->
            From ! {Ref, Value},
            echo()
    end.

asks(_, Value, _, N, Sum) when Value >= N ->
    Sum;
asks(Echo, Value, Step, N, Sum) ->
    Ref = make_ref(),
    Echo ! {self(), Ref, Value},
    receive {Ref, Back} -> asks(Echo, Value + Step, Step, N, Sum + Back) end.

asks_in_flight(Echo, N) ->
    Self = self(),
    Ask = fun(First) ->
                  spawn(fun() -> Self ! {sum, asks(Echo, First, ?IN_FLIGHT, N, 0)} end)
          end,
    lists:foreach(Ask, lists:seq(0, ?IN_FLIGHT - 1)),
    lists:sum([receive {sum, Sum} -> Sum end || _ <- lists:seq(1, ?IN_FLIGHT)]).

%% Has one field, its value. Counts itself when it starts, and again for every message.
idle(Value, Sum) ->
    counters:add(Sum, 1, Value),
    receive
        hit -> idle(Value, Sum);
        stop -> ok
    end.

spawn_idle(N, Sum) ->
    [spawn(?MODULE, idle, [Value, Sum]) || Value <- lists:seq(0, N - 1)].

await_sum(Sum, N) ->
    await_sum(Sum, N, 1).
await_sum(Sum, N, Times) ->
    case counters:get(Sum, 1) of
        All when All =:= Times * (N * (N - 1) div 2) -> ok;
        _ -> erlang:yield(), await_sum(Sum, N, Times)
    end.

end_all(Pids) ->
    Refs = [monitor(process, Pid) || Pid <- Pids],
    lists:foreach(fun(Pid) -> Pid ! stop end, Pids),
    lists:foreach(fun(Ref) -> receive {'DOWN', Ref, _, _, _} -> ok end end, Refs).

most_bytes() ->
    {ok, Status} = file:read_file("/proc/self/status"),
    {match, [Kib]} = re:run(Status, "VmHWM:\\s+(\\d+)", [{capture, [1], list}]),
    list_to_integer(Kib) * 1024.
