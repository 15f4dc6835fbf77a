%% The benchmarks between two nodes: calls and casts to a gen_server. Printed is one line of JSON.
-module(remote).
-behaviour(gen_server).
-export([serve/0, main/1]).
-export([init/1, handle_call/3, handle_cast/2]).

-define(SERVER, {bench, 'bench-server@localhost'}).
-define(BURST, 1000).
-define(CHUNK_BITS, 524288).

serve() ->
    {ok, _} = gen_server:start({local, bench}, ?MODULE, 0, []),
    io:format("ready~n").

init(Sum) ->
    {ok, Sum}.

handle_call({echo, Value}, _, Sum) ->
    {reply, Value, Sum};
handle_call(take, _, Sum) ->
    {reply, Sum, 0}.

handle_cast({add, Value}, Sum) ->
    {noreply, Sum + Value}.

main([Bench, Operations, Ms, WarmUpMs]) ->
    put(warm_up_ms, list_to_integer(WarmUpMs)),
    {Done, Ns, Check, Median} = bench(Bench, list_to_integer(Operations), list_to_integer(Ms)),
    io:format("{\"operations\":~b,\"ns\":~b,\"check\":~b,\"medianNs\":~b}~n",
              [Done, Ns, Check, Median]),
    halt(0).

bench("calls-256", N, Ms) ->
    repeat(N, Ms, fun() -> in_flight(256, N, fun echo/1) end);
bench("calls-16", N, Ms) ->
    repeat(N, Ms, fun() -> in_flight(16, N, fun echo/1) end);
bench("call-latency", N, Ms) ->
    latency(N, Ms, fun echo/1);
bench("tells", N, Ms) ->
    repeat(N, Ms, fun() -> tells(0, N, 0) end);
bench("echo-64k", N, Ms) ->
    repeat(N, Ms, fun() -> in_flight(16, N, fun echo_bytes/1) end).

echo(Value) ->
    gen_server:call(?SERVER, {echo, Value}).

echo_bytes(Value) ->
    Chunk = <<Value:32, 0:(?CHUNK_BITS - 32)>>,
    Back = gen_server:call(?SERVER, {echo, Chunk}),
    true = bit_size(Back) =:= ?CHUNK_BITS,
    <<Found:32, _/binary>> = Back,
    Found.

tells(N, N, Sum) ->
    Sum;
tells(From, N, Sum) ->
    To = min(From + ?BURST, N),
    adds(From, To),
    tells(To, N, Sum + gen_server:call(?SERVER, take)).

adds(To, To) ->
    ok;
adds(Value, To) ->
    gen_server:cast(?SERVER, {add, Value}),
    adds(Value + 1, To).

%% Calls One with each number, so many at a time, each caller waiting for its own.
in_flight(Callers, N, One) ->
    Self = self(),
    Start = fun(First) ->
                    spawn_link(fun() -> Self ! {sum, every(First, Callers, N, One, 0)} end)
            end,
    lists:foreach(Start, lists:seq(0, Callers - 1)),
    lists:sum([receive {sum, Sum} -> Sum end || _ <- lists:seq(1, Callers)]).

every(Value, _, N, _, Sum) when Value >= N ->
    Sum;
every(Value, Step, N, One, Sum) ->
    every(Value + Step, Step, N, One, Sum + One(Value)).

%% Runs batches until they have taken Ms, warm-up first.
repeat(N, Ms, Batch) ->
    during(get(warm_up_ms) * 1000000, Batch, {0, 0, 0}),
    {Batches, Ns, Check} = during(Ms * 1000000, Batch, {0, 0, 0}),
    {Batches * N, Ns, Check, 0}.

during(Ns, _, {_, Spent, _} = Sums) when Spent >= Ns ->
    Sums;
during(Ns, Batch, {Batches, Spent, Check}) ->
    Started = erlang:monotonic_time(nanosecond),
    Found = Batch(),
    Took = erlang:monotonic_time(nanosecond) - Started,
    during(Ns, Batch, {Batches + 1, Spent + Took, Check + Found}).

latency(N, Ms, One) ->
    put(times, []),
    Batch = fun() -> timed(0, N, One, 0) end,
    during(get(warm_up_ms) * 1000000, Batch, {0, 0, 0}),
    put(times, []),
    {Batches, Ns, Check} = during(Ms * 1000000, Batch, {0, 0, 0}),
    Times = lists:sort(get(times)),
    {Batches * N, Ns, Check, lists:nth(length(Times) div 2 + 1, Times)}.

timed(N, N, _, Sum) ->
    Sum;
timed(Value, N, One, Sum) ->
    Started = erlang:monotonic_time(nanosecond),
    Found = One(Value),
    put(times, [erlang:monotonic_time(nanosecond) - Started | get(times)]),
    timed(Value + 1, N, One, Sum + Found).
