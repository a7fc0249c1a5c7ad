"""The first schema."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "evaluation_sets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evaluation_sets")),
        sa.UniqueConstraint("name", name=op.f("uq_evaluation_sets_name")),
    )
    op.create_table(
        "listeners",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("audiogram", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_listeners")),
        sa.UniqueConstraint("name", name=op.f("uq_listeners_name")),
    )
    op.create_table(
        "results",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("evaluation_set", sa.String(length=200), nullable=False),
        sa.Column("system", sa.String(length=200), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("measure", sa.String(length=40), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("paper", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("published", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_results")),
        sa.UniqueConstraint(
            "evaluation_set", "system", "measure", name=op.f("uq_results_evaluation_set_system_measure")
        ),
    )
    op.create_table(
        "songs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=500), nullable=False),
        sa.Column("genre", sa.String(), nullable=False),
        sa.Column("split", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_songs")),
        sa.UniqueConstraint("name", name=op.f("uq_songs_name")),
    )
    op.create_table(
        "state",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_state")),
    )
    op.create_table(
        "systems",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("team", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("separation", sa.String(), nullable=False),
        sa.Column("prescription", sa.String(), nullable=False),
        sa.Column("allowed_data", sa.String(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_systems")),
        sa.UniqueConstraint("name", name=op.f("uq_systems_name")),
    )
    op.create_table(
        "presets",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("song_id", sa.Integer(), nullable=False),
        sa.Column("listener_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("saved", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["listener_id"], ["listeners.id"], name=op.f("fk_presets_listener_id")),
        sa.ForeignKeyConstraint(["song_id"], ["songs.id"], name=op.f("fk_presets_song_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_presets")),
        sa.UniqueConstraint("song_id", "listener_id", "name", name=op.f("uq_presets_song_id_listener_id_name")),
    )
    op.create_table(
        "ratings",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("test", sa.String(length=200), nullable=False),
        sa.Column("participant", sa.String(length=200), nullable=False),
        sa.Column("trial", sa.String(length=200), nullable=False),
        sa.Column("condition", sa.String(length=200), nullable=False),
        sa.Column("scale", sa.String(length=80), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("song_id", sa.Integer(), nullable=True),
        sa.Column("listener_id", sa.Integer(), nullable=True),
        sa.Column("system_id", sa.Integer(), nullable=True),
        sa.Column("excerpt", sa.String(length=200), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["listener_id"], ["listeners.id"], name=op.f("fk_ratings_listener_id")),
        sa.ForeignKeyConstraint(["song_id"], ["songs.id"], name=op.f("fk_ratings_song_id")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_ratings_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ratings")),
        sa.UniqueConstraint(
            "test",
            "participant",
            "trial",
            "condition",
            "scale",
            name=op.f("uq_ratings_test_participant_trial_condition_scale"),
        ),
    )
    with op.batch_alter_table("ratings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ratings_test_participant"), ["test", "participant"], unique=False)

    op.create_table(
        "remixes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("song_id", sa.Integer(), nullable=False),
        sa.Column("listener_id", sa.Integer(), nullable=False),
        sa.Column("excerpt", sa.String(length=200), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("levels", sa.JSON(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["listener_id"], ["listeners.id"], name=op.f("fk_remixes_listener_id")),
        sa.ForeignKeyConstraint(["song_id"], ["songs.id"], name=op.f("fk_remixes_song_id")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_remixes_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_remixes")),
        sa.UniqueConstraint("key", name=op.f("uq_remixes_key")),
    )
    with op.batch_alter_table("remixes", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_remixes_song_id"), ["song_id"], unique=False)

    op.create_table(
        "runs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("evaluation_set_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("engine", sa.String(length=80), nullable=False),
        sa.Column("engine_version", sa.String(length=80), nullable=False),
        sa.Column("configuration", sa.JSON(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["evaluation_set_id"], ["evaluation_sets.id"], name=op.f("fk_runs_evaluation_set_id")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_runs_system_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sa.UniqueConstraint("key", name=op.f("uq_runs_key")),
    )
    op.create_table(
        "scores",
        sa.Column("evaluation_set_id", sa.Integer(), nullable=False),
        sa.Column("system_id", sa.Integer(), nullable=False),
        sa.Column("song_id", sa.Integer(), nullable=False),
        sa.Column("listener_id", sa.Integer(), nullable=False),
        sa.Column("excerpt", sa.String(length=200), nullable=False),
        sa.Column("metric", sa.String(length=40), nullable=False),
        sa.Column("stem", sa.String(length=40), nullable=False),
        sa.Column("ear", sa.String(length=8), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("run_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["evaluation_set_id"], ["evaluation_sets.id"], name=op.f("fk_scores_evaluation_set_id")
        ),
        sa.ForeignKeyConstraint(["listener_id"], ["listeners.id"], name=op.f("fk_scores_listener_id")),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_scores_run_id")),
        sa.ForeignKeyConstraint(["song_id"], ["songs.id"], name=op.f("fk_scores_song_id")),
        sa.ForeignKeyConstraint(["system_id"], ["systems.id"], name=op.f("fk_scores_system_id")),
        sa.PrimaryKeyConstraint(
            "evaluation_set_id",
            "system_id",
            "song_id",
            "listener_id",
            "excerpt",
            "metric",
            "stem",
            "ear",
            name=op.f("pk_scores"),
        ),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO state (id, revision) VALUES (1, 0)")
