CREATE SCHEMA "mesh";
--> statement-breakpoint
CREATE TABLE "mesh"."audit_pruned" (
	"mesh_id" integer NOT NULL,
	"index" bigint NOT NULL,
	"hash" "bytea" NOT NULL,
	CONSTRAINT "audit_pruned_mesh_id_index_pk" PRIMARY KEY("mesh_id","index")
);
--> statement-breakpoint
CREATE TABLE "mesh"."delivery" (
	"recipient_id" bigint NOT NULL,
	"seq" bigint NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"mesh_id" integer NOT NULL,
	"shared" boolean NOT NULL,
	"from_id" bigint,
	"audit_index" bigint,
	"at" timestamp with time zone,
	"id" "bytea",
	"content_hash" "bytea",
	"header" "bytea",
	"slot" "bytea",
	"body" "bytea",
	"kind" text,
	"why" text,
	"to_key" "bytea",
	"signature" "bytea",
	CONSTRAINT "delivery_recipient_id_seq_pk" PRIMARY KEY("recipient_id","seq")
);
--> statement-breakpoint
CREATE TABLE "mesh"."envelope" (
	"mesh_id" integer NOT NULL,
	"seq" bigint NOT NULL,
	"from_id" bigint NOT NULL,
	"id" "bytea" NOT NULL,
	"content_hash" "bytea" NOT NULL,
	"header" "bytea" NOT NULL,
	"body" "bytea" NOT NULL,
	"states" text NOT NULL,
	"audit_index" bigint NOT NULL,
	"accepted_at" timestamp with time zone NOT NULL,
	CONSTRAINT "envelope_mesh_id_seq_pk" PRIMARY KEY("mesh_id","seq"),
	CONSTRAINT "envelope_id" UNIQUE("from_id","id")
);
--> statement-breakpoint
CREATE TABLE "mesh"."epoch_copy" (
	"mesh_id" integer NOT NULL,
	"roster_seq" bigint NOT NULL,
	"to" "bytea" NOT NULL,
	"epoch" integer NOT NULL,
	"copy" "bytea" NOT NULL,
	CONSTRAINT "epoch_copy_mesh_id_to_roster_seq_pk" PRIMARY KEY("mesh_id","to","roster_seq")
);
--> statement-breakpoint
CREATE TABLE "mesh"."invite" (
	"code" "bytea" PRIMARY KEY NOT NULL,
	"mesh_id" integer NOT NULL,
	"hash" "bytea" NOT NULL,
	"used" integer DEFAULT 0 NOT NULL,
	CONSTRAINT "invite_hash" UNIQUE("mesh_id","hash")
);
--> statement-breakpoint
CREATE TABLE "mesh"."lease" (
	"recipient_id" bigint PRIMARY KEY NOT NULL,
	"uuid" text,
	"certificate" jsonb,
	"prekey" jsonb NOT NULL,
	"prekey_n" bigint NOT NULL,
	"presence" jsonb,
	"presence_counter" bigint DEFAULT 0 NOT NULL,
	"state" text NOT NULL,
	"state_at" timestamp with time zone NOT NULL,
	"node" text NOT NULL,
	"hook_token_hash" "bytea",
	"hook_status" text,
	"hook_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "mesh"."member" (
	"mesh_id" integer NOT NULL,
	"key" "bytea" NOT NULL,
	"role" text NOT NULL,
	"joined_seq" bigint NOT NULL,
	"removed_seq" bigint,
	CONSTRAINT "member_mesh_id_key_pk" PRIMARY KEY("mesh_id","key")
);
--> statement-breakpoint
CREATE TABLE "mesh"."mesh_head" (
	"id" integer PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "mesh"."mesh_head_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 2147483647 START WITH 1 CACHE 1),
	"mesh" "bytea" NOT NULL,
	"seq" bigint DEFAULT 0 NOT NULL,
	"audit_size" bigint DEFAULT 0 NOT NULL,
	"last_at" timestamp with time zone DEFAULT now() NOT NULL,
	"queued" bigint DEFAULT 0 NOT NULL,
	"several" bigint DEFAULT 0 NOT NULL,
	"roster_seq" bigint NOT NULL,
	"roster_head" "bytea" NOT NULL,
	CONSTRAINT "mesh_head_mesh_unique" UNIQUE("mesh")
);
--> statement-breakpoint
CREATE TABLE "mesh"."node" (
	"name" text PRIMARY KEY NOT NULL,
	"beat_until" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "mesh"."recipient" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "mesh"."recipient_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"mesh_id" integer NOT NULL,
	"key" "bytea" NOT NULL,
	"removed" boolean DEFAULT false NOT NULL,
	"known_until" timestamp with time zone,
	"attachment" bigint DEFAULT 0 NOT NULL,
	"acked" bigint DEFAULT 0 NOT NULL,
	CONSTRAINT "recipient_key" UNIQUE("mesh_id","key")
);
--> statement-breakpoint
CREATE TABLE "mesh"."roster_entry" (
	"mesh_id" integer NOT NULL,
	"seq" bigint NOT NULL,
	"hash" "bytea" NOT NULL,
	"entry" jsonb NOT NULL,
	CONSTRAINT "roster_entry_mesh_id_seq_pk" PRIMARY KEY("mesh_id","seq")
);
--> statement-breakpoint
CREATE UNIQUE INDEX "delivery_id" ON "mesh"."delivery" USING btree ("from_id","id") WHERE "mesh"."delivery"."from_id" is not null;--> statement-breakpoint
CREATE INDEX "delivery_shared" ON "mesh"."delivery" USING btree ("mesh_id","seq") WHERE "mesh"."delivery"."shared";--> statement-breakpoint
CREATE INDEX "delivery_due" ON "mesh"."delivery" USING btree ("expires_at") WHERE "mesh"."delivery"."kind" is null;--> statement-breakpoint
CREATE INDEX "delivery_kept" ON "mesh"."delivery" USING btree ("expires_at") WHERE "mesh"."delivery"."kind" is not null;--> statement-breakpoint
CREATE INDEX "lease_here" ON "mesh"."lease" USING btree ("node") WHERE "mesh"."lease"."state" = 'online';--> statement-breakpoint
CREATE INDEX "lease_leaving" ON "mesh"."lease" USING btree ("state_at") WHERE "mesh"."lease"."state" = 'away';--> statement-breakpoint
CREATE INDEX "lease_hook" ON "mesh"."lease" USING btree ("hook_token_hash") WHERE "mesh"."lease"."hook_token_hash" is not null;