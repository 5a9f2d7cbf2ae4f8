CREATE TABLE "mesh"."audit_checkpoint" (
	"mesh_id" integer NOT NULL,
	"size" bigint NOT NULL,
	"note" text NOT NULL,
	CONSTRAINT "audit_checkpoint_mesh_id_size_pk" PRIMARY KEY("mesh_id","size")
);
--> statement-breakpoint
CREATE TABLE "mesh"."audit_subtree" (
	"mesh_id" integer NOT NULL,
	"level" integer NOT NULL,
	"index" bigint NOT NULL,
	"hash" "bytea" NOT NULL,
	CONSTRAINT "audit_subtree_mesh_id_level_index_pk" PRIMARY KEY("mesh_id","level","index")
);
