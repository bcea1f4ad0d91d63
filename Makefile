.PHONY: help prepare demo test databases eventlet crash sdk differential differences fuzz lint samples bench cycle power agents storm simulate endurance \
	failover line ring flavors decide claims placement figures clean
.DEFAULT_GOAL := help

help:      ## What there is
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

# A process for each processor; tests of one file share one, and what it starts once.
SHARED = -n auto --dist loadfile

prepare:
	@tools/prepare

demo: prepare   ## Deploy two virtual machines from power-on to a booted system (KEEP=1 leaves them up)
	@.venv/bin/ingot demo $(if $(KEEP),--keep)

test: lint      ## Everything: units, HTTP, flows, real servers, machines end to end
	@.venv/bin/pytest -q $(SHARED) $(TESTS)
	@$(if $(TESTS),,$(MAKE) databases eventlet)

databases: prepare ## The tests of database, HTTP, conductor and writers again, on real MariaDB and PostgreSQL
	@for database in mariadb postgresql; do .venv/bin/pytest -q $(SHARED) --database $$database \
		tests/db tests/http tests/conductor tests/clients/test_writers.py || exit 1; done

eventlet: prepare ## The tests of the conductor and of the bus again, on eventlet
	@.venv/bin/pytest -q --concurrency eventlet tests/conductor tests/test_rpc.py

sdk: prepare ## openstacksdk's own functional tests against ingot serve (DATABASE=mariadb: over MariaDB; ARGS='-k port': fewer)
	@.venv/bin/python -m tests.clients.sdk $(if $(DATABASE),--database $(DATABASE)) $(ARGS)

differential: prepare ## The same requests to Ironic 39.0.0 and to ingot serve: answers differ as docs/differences.md says (ARGS='port')
	@.venv/bin/python -m tests.differential.run $(ARGS)

differences: prepare ## Write docs/differences.md anew
	@.venv/bin/python -m tests.differential.differences > docs/differences.md

fuzz: prepare ## 100,000 malformed requests to ingot serve: no 5xx, no hang, no growth (ARGS='--requests 5000 --seed 2')
	@.venv/bin/python -m tests.fuzz.run $(ARGS)

lint: prepare   ## ruff
	@.venv/bin/ruff check .

samples: prepare ## Write etc/ingot/ingot.conf.sample anew
	@.venv/bin/oslo-config-generator --config-file etc/ingot/generator.conf

bench: prepare ## The API's cost beside Ironic 39.0.0, in one run (ARGS='--nodes 10000 --seconds 5')
	@.venv/bin/python -m tests.bench.api $(ARGS)

cycle: prepare ## Nodes through manage, provide, active, deleted: Ironic 39.0.0 and Ingot on MariaDB (ARGS='--nodes 400')
	@.venv/bin/python -m tests.bench.cycle $(ARGS)

claims: prepare ## 16 schedulers over 500 nodes, some killed, on MariaDB; allocations beside Ironic 39.0.0 (ARGS='--requests 100')
	@.venv/bin/python -m tests.bench.claims $(ARGS)

power: prepare ## Power of 1,000 and 10,000 BMCs by one conductor: seconds, CPU, memory (ARGS='--bmcs 100 --database mariadb')
	@.venv/bin/python -m tests.bench.power $(ARGS)

agents: prepare ## What a listener for machines and a fleet of simulated agents cost (ARGS='--machines 100,10000')
	@.venv/bin/python -m tests.bench.agents $(ARGS)

storm: prepare ## Deployments at 1 to 20 times of capacity: latency, goodput, fairness; writes docs/storm.svg (ARGS='--load 1,20 --database sqlite')
	@.venv/bin/python -m tests.bench.storm $(ARGS)

line: prepare ## 16 conductors work on a queue of 100,000 deployments (ARGS='--conductors 3 --database postgresql')
	@.venv/bin/python -m tests.bench.line $(ARGS)

crash: prepare ## Conductors killed at every point, servers, networks, clocks, disks, BMCs that fail (ARGS='matrix --database postgresql')
	@.venv/bin/python -m tests.crash.run $(ARGS)

simulate: prepare ## What a life costs in simulated sites (ARGS='--nodes 10000 --conductors 3,16'); one site: ingot simulate
	@.venv/bin/python -m tests.bench.simulation $(ARGS)

flavors: prepare ## What questions about PCI flavors cost over 10,000 and 100,000 devices (ARGS='--nodes 1250')
	@.venv/bin/python -m tests.bench.flavors $(ARGS)

endurance: prepare ## Pages out of 100,000 nodes, and an hour of load: what they cost, and memory (ARGS='--minutes 5')
	@.venv/bin/python -m tests.bench.endurance $(ARGS)

failover: prepare ## A conductor is killed, stopped, put to sleep: what clients and deployments see (ARGS='--database postgresql')
	@.venv/bin/python -m tests.bench.failover $(ARGS)

decide: prepare ## What a decision costs over 10,000 and 100,000 nodes with 8 devices each (ARGS='--nodes 10000 --rounds 20')
	@.venv/bin/python -m tests.bench.decide $(ARGS)

ring: prepare ## Nodes that move, balance, and what 100,000 nodes cost one of 16 conductors (ARGS='--database postgresql')
	@.venv/bin/python -m tests.bench.ring $(ARGS)

placement: prepare ## How long OpenStack Placement does not know what has changed (ARGS='--rates 100 --away 0')
	@.venv/bin/python -m tests.bench.placement $(ARGS)

figures: prepare ## Measure docs/figures.md anew (takes some minutes; on a quiet machine)
	@.venv/bin/python tests/bench/figures.py > docs/figures.new && sed -n '/^## The API/,$$p' docs/figures.md >> docs/figures.new \
		&& mv docs/figures.new docs/figures.md

clean:     ## Remove .venv and what was built
	rm -rf .venv build *.egg-info
