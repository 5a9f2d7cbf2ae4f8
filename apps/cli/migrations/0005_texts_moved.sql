ALTER TABLE `inbox` DROP COLUMN `payload`;--> statement-breakpoint
ALTER TABLE `outbox_message` DROP COLUMN `payload`;