"""What a server says of itself tells its engine; what is not known is refused by name."""

import pytest

from vacate.components.recognition import recognise
from vacate.domain.errors import UnsupportedServerError
from vacate.domain.topology.servers import Engine


@pytest.mark.parametrize(
    ("text", "engine", "version", "major"),
    [
        ("PostgreSQL 18.6 on x86_64-pc-linux-gnu, compiled by gcc", Engine.POSTGRESQL, "18.6", 18),
        ("PostgreSQL 15.18 (Debian 15.18-0+deb12u1) on x86_64-pc-linux-gnu", Engine.POSTGRESQL, "15.18", 15),
        ("PostgreSQL 19beta1 on x86_64", Engine.POSTGRESQL, "19beta1", 19),
        ("(openGauss 6.0.0 build aee4abd5) compiled at 2024-09-29 19:14:27", Engine.OPENGAUSS, "6.0.0", 6),
        ("PostgreSQL 9.2.4 (openGauss 2.0.0 build 78689da9) compiled at 2021", Engine.OPENGAUSS, "2.0.0", 2),
        ("gaussdb (GaussDB Kernel 505.2.1 build 8d5e2d56) compiled at 2024", Engine.GAUSSDB, "505.2.1", 505),
        ("PostgreSQL 9.2.4 (GaussDB Kernel V500R002C10 build 5ab9)", Engine.GAUSSDB, "V500R002C10", 500),
        ("PostgreSQL 9.2.4 (GaussDB 8.1.3 build 39137c2d) compiled at 2022", Engine.DWS, "8.1.3", 8),
    ],
)
def test_a_server_is_what_it_says(text: str, engine: Engine, version: str, major: int) -> None:
    software = recognise(text)
    assert (software.engine, software.version, software.major) == (engine, version, major)


@pytest.mark.parametrize(
    "text",
    [
        "PostgreSQL 9.4.26 (Greenplum Database 6.25.3 build commit:367edc6b) on x86_64",
        "PostgreSQL 14.4 (Cloudberry Database 1.5.4) on x86_64",
        "PostgreSQL 8.0.2 on i686-pc-linux-gnu, compiled by GCC gcc (GCC) 3.4.2, Redshift 1.0.63590",
        "PostgreSQL 16.2 (EnterpriseDB Advanced Server 16.2.0) on x86_64",
        "PostgreSQL 10.0 @ OpenTenBase_v2.6.0 (commit: 73494be4)",
        "PostgreSQL 11.2-YB-2.20.1.0-b0 on x86_64",
        "CockroachDB CCL v23.2.3 (x86_64-pc-linux-gnu)",
        "PostgreSQL 9.2.4 (gaussdb, and nothing more)",
        "8.0.36",
        "",
    ],
)
def test_other_databases_are_refused_in_their_own_words(text: str) -> None:
    with pytest.raises(UnsupportedServerError) as refused:
        recognise(text)
    assert text[:60] in str(refused.value)
